"""The page in a real browser, see tests/conftest.py."""

import copy
import re
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from served import png, running

from attention_fer import pretrained
from attention_fer.cli import main
from attention_fer.serve.limits import Limits

SIZE = {"width": 1280, "height": 900}
SHIPPED = pretrained.find("fer-small", "fer2013").manifest
ACCURACY = f"{100 * SHIPPED['test']['accuracy']:.2f} %"
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@pytest.fixture
def visit(browser, address):
    """Opens the page; at the end, whatever it complained of or asked of others fails the test."""
    contexts, complaints = [], []

    def open_page(at=None, using=None, **options):
        context = (using or browser).new_context(**{"viewport": SIZE, **options})
        contexts.append(context)
        page = context.new_page()
        own = ((at or address).partition("#")[0], "blob:")
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("request", lambda r: None if r.url.startswith(own) else complaints.append(r.url))
        page.goto(at or address)
        return page

    open_page.complaints = complaints
    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def expect_refusal(visit, status):
    """The browser itself writes refused requests to its console."""
    assert all(f"status of {status}" in told for told in visit.complaints), visit.complaints
    visit.complaints.clear()


def choose(page, *files):
    """Chooses files, given as (name, bytes), and waits until all are answered."""
    given = [{"name": n, "mimeType": "image/png", "buffer": data} for n, data in files]
    page.get_by_label("Choose photographs").set_input_files(given)
    page.locator("article").nth(len(files) - 1).wait_for()


@pytest.fixture
def two_faces(portrait):
    return png(np.hstack([portrait, portrait[:, ::-1]]))


def test_a_photograph_gives_boxes_and_bars(visit, photograph, predictor):
    page = visit()
    choose(page, ("me.png", photograph))
    (row,) = predictor.predict(photograph)
    title = page.get_by_role("heading", level=3).inner_text()
    assert title == f"Face 1: happy {100 * row.probability:.1f} %"
    assert title.removeprefix("Face 1: ") in page.get_by_role("status").first.inner_text()
    lines = page.locator(".face table tr").all()
    shown = {line.locator("th").inner_text(): line for line in lines}
    expected = sorted(row.probabilities, key=row.probabilities.get, reverse=True)
    assert list(shown) == expected
    for name, share in row.probabilities.items():
        assert shown[name].locator(".share").inner_text() == f"{100 * share:.1f} %"
        bar, room = shown[name].locator(".bar div"), shown[name].locator(".bar")
        full = room.evaluate("e => e.clientWidth - 2 * parseFloat(getComputedStyle(e).paddingLeft)")
        assert bar.evaluate("e => e.offsetWidth") == pytest.approx(full * share, abs=1.5)


def test_the_box_lies_where_the_row_says(visit, photograph, predictor):
    page = visit()
    choose(page, ("me.png", photograph))
    (row,) = predictor.predict(photograph)
    x, y, width, height = row.box
    page.locator(".picture canvas").wait_for()
    read = (
        "[...document.querySelector('canvas').getContext('2d').getImageData(0, 0, 256, 256).data]"
    )
    seen = np.array(page.evaluate(read)).reshape(256, 256, 4)
    for across, down in (
        (x, y + height / 2),
        (x + width, y + height / 2),
        (x + width / 2, y + height),
    ):
        red, green, blue, _ = seen[round(down), round(across)]
        assert red > 200 and green > 150 and blue < 90
    assert [*seen[round(y + height / 2), round(x + width / 2)]] != [255, 210, 0, 255]
    assert page.get_by_role("img", name="me.png, with boxes around faces: 1").is_visible()


def test_its_limits_are_in_sight(visit):
    page = visit()
    head = page.locator("header")
    page.get_by_text(f"{ACCURACY} of 3,589 test images").wait_for()
    assert "does not say what a person feels" in " ".join(head.inner_text().split())
    head.get_by_text("What it is not for").click()
    assert head.get_by_text("not for hiring").is_visible()
    assert re.search(r"SHA-256 [0-9a-f]{64}", head.inner_text())


def test_files_can_be_dropped(visit, photograph):
    page = visit()
    script = """bytes => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], "me.png", { type: "image/png" }));
        const event = (name) => new DragEvent(name, { dataTransfer: data, bubbles: true });
        document.getElementById("drop").dispatchEvent(event("dragover"));
        document.getElementById("drop").dispatchEvent(event("drop"));
    }"""
    page.evaluate(script, list(photograph))
    page.get_by_role("heading", name="Face 1: happy").wait_for()


def test_the_table_is_what_the_command_prints(
    visit, photograph, two_faces, empty, tmp_path, capsys
):
    pictures = {"a.png": photograph, "b, two.png": two_faces, "c.png": empty}
    for name, data in pictures.items():
        (tmp_path / name).write_bytes(data)
    assert main(["predict", str(tmp_path), "--detector", "cascade", "--format", "csv"]) == 0
    printed = capsys.readouterr().out
    page = visit()
    choose(page, *pictures.items())
    assert "no face found" in page.locator("article").nth(2).inner_text()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download the table").click()
    assert waiting.value.suggested_filename == "expressions.csv"
    assert waiting.value.path().read_text(encoding="utf-8") == printed
    page.get_by_role("button", name="Remove the results").click()
    assert page.locator("article").count() == 0
    assert not page.get_by_role("button", name="Download the table").is_visible()


def test_the_map_comes_on_demand_and_with_the_keyboard_alone(visit, two_faces):
    page = visit()
    choose(page, ("two.png", two_faces))
    page.keyboard.press("Tab")
    while "looked at" not in page.evaluate("document.activeElement.textContent"):
        page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.get_by_text("say nothing about the person").wait_for()
    face = page.locator(".face").first
    plain, cam, coloured = face.locator(".maps canvas").all()
    captions = face.locator(".maps figcaption").all_inner_texts()
    for caption, start in zip(captions, ("What the", "Grad-CAM", "Occlusion"), strict=True):
        assert caption.startswith(start)
    read = "e => [...e.getContext('2d').getImageData(0, 0, 48, 48).data]"
    before, evidence, after = (
        np.array(e.evaluate(read)).reshape(48, 48, 4) for e in (plain, cam, coloured)
    )
    assert (before[..., 0] == before[..., 2]).all() and (before[..., 3] == 255).all()
    # Orange at the mouth, which makes the smile, and hardly anything at the forehead.
    warmth = after[..., 0].astype(int) - after[..., 2]
    assert warmth[36:, 16:32].mean() > 60 > 20 > abs(warmth[:12]).mean()
    warmth = evidence[..., 0].astype(int) - evidence[..., 2]
    assert (evidence[:2] == before[:2]).all() and warmth[24:36, 16:32].mean() > 60
    assert page.locator(".face").nth(1).locator(".maps").count() == 0


def test_what_is_no_picture_is_said_and_the_next_one_is_done(visit, photograph):
    page = visit()
    files = [("text.png", b"no picture"), ("me.png", photograph)]
    given = [{"name": n, "mimeType": "image/png", "buffer": data} for n, data in files]
    page.get_by_label("Choose photographs").set_input_files(given)
    page.get_by_text("unsupported image format").wait_for()
    page.get_by_role("heading", name="Face 1: happy").wait_for()
    expect_refusal(visit, 415)


def test_a_folder_is_said_to_be_one(visit, photograph):
    page = visit()
    # What browsers do with a folder that was dropped as if it were a file.
    rejecting = "() => Promise.reject(new Error('folder'))"
    page.evaluate(f"() => {{ Blob.prototype.arrayBuffer = {rejecting}; }}")
    given = {"name": "holiday", "mimeType": "", "buffer": photograph}
    page.get_by_label("Choose photographs").set_input_files(given)
    page.get_by_text("holiday cannot be read. If it is a folder").wait_for()


def test_a_large_file_is_not_sent(visit):
    page = visit()
    given = {"name": "large.png", "mimeType": "image/png", "buffer": b"a" * 1_000_001}
    page.get_by_label("Choose photographs").set_input_files(given)
    page.get_by_text("large.png must be at most 1 MB").wait_for()


def test_the_token_is_in_the_address_or_asked_for(visit, predictor, photograph):
    with running(predictor, token="a-token-of-my-own") as address:
        page = visit(f"{address}/#token=a-token-of-my-own")
        choose(page, ("me.png", photograph))
        assert not page.get_by_label("Token").is_visible()
        page = visit(f"{address}/")
        page.get_by_label("Token").fill("a-token-of-others")
        page.get_by_role("button", name="Use this token").click()
        page.get_by_text("with the server's token").wait_for()
        page.get_by_label("Token").fill("a-token-of-my-own")
        page.get_by_role("button", name="Use this token").click()
        page.get_by_text(ACCURACY).wait_for()
        assert not page.get_by_label("Token").is_visible()
        choose(page, ("me.png", photograph))
        expect_refusal(visit, 401)


def test_an_answer_of_a_server_in_front_is_said(visit, photograph):
    page = visit()
    page.get_by_text(ACCURACY).wait_for()
    page.route("**/analyze", lambda route: route.fulfill(status=413, body="<html>too large</html>"))
    given = {"name": "me.png", "mimeType": "image/png", "buffer": photograph}
    page.get_by_label("Choose photographs").set_input_files(given)
    page.get_by_text("The answer (status 413) does not come from this server").wait_for()
    expect_refusal(visit, 413)


def test_a_server_that_has_ended_is_said(visit, predictor, photograph):
    with running(predictor) as address:
        page = visit(f"{address}/")
        page.get_by_text(ACCURACY).wait_for()
    given = {"name": "me.png", "mimeType": "image/png", "buffer": photograph}
    page.get_by_label("Choose photographs").set_input_files(given)
    page.get_by_text("The server does not answer").wait_for()
    assert all("CONNECTION" in told for told in visit.complaints)
    visit.complaints.clear()


@pytest.fixture(scope="module")
def with_camera(launch, portrait, tmp_path_factory):
    """A browser whose camera sees the portrait."""
    path = tmp_path_factory.mktemp("camera") / "portrait.mjpeg"
    Image.fromarray(portrait).resize((640, 640)).save(path, "JPEG", quality=95)
    return launch(*CAMERA, f"--use-file-for-fake-video-capture={path}")


def test_the_camera_gives_a_frame_on_demand(visit, with_camera):
    page = visit(using=with_camera)
    page.get_by_role("button", name="Start the camera").click()
    page.get_by_role("button", name="Analyse this frame").click()
    page.get_by_role("heading", name="Face 1: happy").wait_for()
    page.get_by_role("button", name="Analyse this frame").click()
    page.wait_for_timeout(1000)
    assert page.locator("article").count() == 1
    page.get_by_role("button", name="Stop the camera").click()
    assert page.evaluate("document.getElementById('video').srcObject") is None
    assert not page.get_by_role("button", name="Analyse this frame").is_visible()


def test_a_camera_that_is_unplugged_is_said(visit, with_camera):
    page = visit(using=with_camera)
    page.get_by_role("button", name="Start the camera").click()
    page.get_by_role("button", name="Stop the camera").wait_for()
    track = "document.getElementById('video').srcObject.getTracks()[0]"
    page.evaluate(f"{track}.dispatchEvent(new Event('ended'))")
    page.get_by_text("The camera has stopped").wait_for()
    assert page.get_by_role("button", name="Start the camera").is_visible()
    assert not page.get_by_role("button", name="Analyse this frame").is_visible()


@pytest.mark.slow
def test_once_a_second_is_once_however_often_it_is_ticked(visit, with_camera):
    page = visit(using=with_camera)
    times = []

    def at_once(route):
        times.append(time.monotonic())
        route.fulfill(json={"rows": [], "csv": ""})

    page.route("**/analyze", at_once)
    page.get_by_role("button", name="Start the camera").click()
    page.get_by_role("button", name="Stop the camera").wait_for()
    box = page.get_by_label("about once a second")
    page.evaluate("""async () => {
        const box = document.getElementById("repeat");
        for (let i = 0; i < 9; i++) {
            box.click();
            await new Promise((resolve) => setTimeout(resolve, 70));
        }
    }""")
    assert box.is_checked()
    page.wait_for_timeout(4000)
    box.uncheck()
    assert 2 <= len(times) <= 6
    page.unroute_all(behavior="ignoreErrors")


@pytest.mark.slow
def test_frames_of_the_camera_never_wait_in_a_queue(visit, with_camera):
    page = visit(using=with_camera)
    open_requests, most, count = set(), [], []

    def slowly(route):
        open_requests.add(route)
        most.append(len(open_requests))
        count.append(1)
        page.wait_for_timeout(1500)  # longer than a frame lasts
        route.continue_()
        open_requests.discard(route)

    page.route("**/analyze", slowly)
    page.get_by_role("button", name="Start the camera").click()
    page.get_by_label("about once a second").check()
    page.wait_for_timeout(6000)
    page.get_by_role("button", name="Stop the camera").click()
    assert max(most) == 1 and 2 <= len(count) <= 5
    assert page.locator("article").count() == 1
    seen = len(count)
    page.wait_for_timeout(2500)
    assert len(count) == seen
    page.unroute_all(behavior="ignoreErrors")


def brightness(page):
    colours = page.evaluate("[getComputedStyle(document.body).backgroundColor, "
                            "getComputedStyle(document.body).color]")  # fmt: skip
    return [sum(map(int, re.findall(r"\d+", colour)[:3])) / 3 for colour in colours]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_and_axe_finds_nothing(visit, axe_complaints, two_faces, empty, width, scheme):
    page = visit(viewport={"width": width, "height": 844}, color_scheme=scheme)
    assert axe_complaints(page) == []
    choose(page, (f"{'a long name ' * 4}{'x' * 80}.png", two_faces), ("empty.png", empty))
    page.get_by_text("What it is not for").click()
    page.get_by_role("button", name="looked at").first.click()
    page.get_by_text("say nothing about the person").wait_for()
    assert axe_complaints(page) == []
    widths = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert widths == [width, width]
    background, text = brightness(page)
    assert (background > 230 and text < 60) if scheme == "light" else background < 40 < 200 < text
    for target in page.locator("button:visible").all():
        assert target.bounding_box()["height"] >= 44


def test_a_map_of_a_large_network_is_shown(visit, predictor, photograph):
    large = copy.copy(predictor)
    evidence = np.zeros((512, 512))
    evidence[:, 256:] = 1
    large.network = replace(predictor.network, grad_cam=lambda face, index: evidence)
    with running(large) as address:
        page = visit(f"{address}/")
        choose(page, ("me.png", photograph))
        page.get_by_role("button", name="looked at").first.click()
        page.get_by_text("say nothing about the person").wait_for()
        canvas = page.locator(".maps canvas").nth(1)
        red, _, blue, _ = canvas.evaluate(
            "e => [...e.getContext('2d').getImageData(47, 24, 1, 1).data]"
        )
        assert red - blue > 100


def test_a_server_with_other_limits_says_them(visit, predictor):
    with running(predictor, Limits(megabytes=2.5)) as address:
        page = visit(f"{address}/")
        page.get_by_text(ACCURACY).wait_for()
        given = {"name": "large.png", "mimeType": "image/png", "buffer": b"a" * 2_600_000}
        page.get_by_label("Choose photographs").set_input_files(given)
        page.get_by_text("at most 2.5 MB").wait_for()
