"""A local web page and an endpoint that name facial expressions.

`app.build` makes the application for any ASGI server; `attention-fer serve` runs it. Requests are
checked by `guard`, read by `form`, wait in `desk`, and are answered by `answers`.
"""
