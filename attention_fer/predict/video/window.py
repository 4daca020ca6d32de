"""A window that shows pictures, where there is a display."""

from __future__ import annotations

from typing import Any

from PIL import Image


class Window:
    """Shows pictures one after the other.

    Args:
        title: of the window.

    Attributes:
        closed: whether the user has closed it, also by q or Escape.

    Raises:
        RuntimeError: there is no display, or Python has no Tk.
    """

    def __init__(self, title: str):
        try:
            import tkinter
        except ImportError as error:
            raise RuntimeError(f"this Python has no Tk ({error})") from error
        try:
            self._root = tkinter.Tk(className=title)
        except tkinter.TclError as error:
            raise RuntimeError(str(error)) from error
        self._tkinter = tkinter
        self.closed = False
        self._root.title(title)
        self._root.protocol("WM_DELETE_WINDOW", self.close)
        for key in ("q", "<Escape>"):
            self._root.bind(key, self.close)
        self._label = tkinter.Label(self._root)
        self._label.pack()

    def show(self, picture: Image.Image) -> None:
        """Shows an RGB picture, and handles what the user has done."""
        if self.closed:
            return
        header = f"P6 {picture.width} {picture.height} 255\n".encode()
        self._image = self._tkinter.PhotoImage(data=header + picture.tobytes())
        self._label.configure(image=self._image)
        self._root.update()

    def close(self, event: Any = None) -> None:
        """Closes the window; again does nothing."""
        if not self.closed:
            self.closed = True
            self._root.destroy()
