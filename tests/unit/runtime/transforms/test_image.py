"""Pictures become the row of pixels that the model wants, and hostile files errors of their own."""

import struct
import zlib
from contextlib import suppress
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from runtime import ModelRefused, Rejected
from runtime.transforms.picture import read_picture
from tests.signatures import spec
from tests.unit.runtime.transforms.sample import ready_made, signature

RED, BLUE = (255, 0, 0), (0, 0, 255)
_PIXELS = np.random.default_rng(5).integers(0, 256, (40, 60, 3), np.uint8)
PHOTO = Image.fromarray(_PIXELS)


def written(picture, form="PNG", **options):
    file = BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def halves(left=RED, right=BLUE, size=(40, 20)):
    picture = Image.new("RGB", size, left)
    picture.paste(right, (size[0] // 2, 0, *size))
    return picture


@pytest.fixture
def images(tmp_path):
    def made(shape=(3, 4, 4), datatype="UINT8", **table):
        inputs = [spec("pixels", datatype, shape)]
        wanted = {"image": [4 if length is None else length for length in shape], **table}
        transform = ready_made(wanted, signature(inputs), base=tmp_path)
        return lambda body: transform.preprocess(body, {})["pixels"]

    return made


def test_pixels_come_as_they_are_in_the_model_s_layout(images):
    body = written(PHOTO)
    first = images((3, 40, 60))(body)
    last = images((40, 60, 3))(body)

    assert last.dtype == np.uint8
    assert last.flags.c_contiguous
    assert (last == _PIXELS).all()
    assert (first == _PIXELS.transpose(2, 0, 1)).all()


def test_reals_are_scaled_and_normalised_by_channel(images):
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    made = images((3, 40, 60), "FP32", mean=mean, std=std)(written(PHOTO))

    wanted = (_PIXELS / 255 - mean) / std
    assert made.dtype == np.float32
    np.testing.assert_allclose(made[0].transpose(1, 2, 0), wanted, atol=1e-6)


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64"])
def test_one_number_counts_for_all_channels(images, datatype):
    made = images((3, 40, 60), datatype, scale=1.0, mean=[127.5], std=[127.5])(written(PHOTO))

    np.testing.assert_allclose(made[0].transpose(1, 2, 0), _PIXELS / 127.5 - 1, atol=1e-3)


def test_colours_may_come_in_opencv_s_order(images):
    made = images((40, 60, 3), colours="bgr")(written(PHOTO))

    assert (made == _PIXELS[..., ::-1]).all()


def test_greys_have_one_channel(images):
    made = images((1, 40, 60))(written(PHOTO))

    assert (made[0, 0] == np.asarray(PHOTO.convert("L"))).all()


def test_free_sides_are_as_the_table_says(images):
    assert images((3, None, None))(written(PHOTO)).shape == (1, 3, 4, 4)


@pytest.mark.parametrize("shape", [(1, 3, 40, 60), (None, 3, None, None), (3, 40, 60)])
def test_a_model_without_rows_gets_the_shape_that_it_has(tmp_path, shape):
    whole = signature([spec("pixels", "UINT8", shape, batch_axis=None)])
    made = ready_made({"image": [3, 40, 60]}, whole, base=tmp_path)

    pixels = made.preprocess(written(PHOTO), {})["pixels"]
    assert pixels.shape == (1, 3, 40, 60)[4 - len(shape) :]


def test_a_picture_is_stretched_to_the_model_s_sides(images):
    made = images((10, 10, 3), resample="nearest")(written(halves()))

    assert (made[0, :, :5] == RED).all()
    assert (made[0, :, 5:] == BLUE).all()


def test_a_letterbox_has_all_of_the_picture_and_grey_bars(images):
    made = images((10, 20, 3), resize="letterbox", resample="nearest")(written(halves(size=(8, 8))))

    assert (made[0, :, 5:10] == RED).all()
    assert (made[0, :, 10:15] == BLUE).all()
    assert (made[0, :, [0, 4, 15, 19]] == 114).all()


def test_the_bars_of_a_wide_picture_are_above_and_below(images):
    made = images((20, 10, 3), resize="letterbox", fill=7)(written(Image.new("RGB", (8, 8), RED)))

    assert (made[0, 5:15] == RED).all()
    assert (made[0, [0, 4, 15, 19]] == 7).all()


def test_a_crop_has_the_middle_undistorted(images):
    wide = halves(size=(80, 20))
    wide.paste((0, 255, 0), (30, 5, 50, 15))
    made = images((10, 20, 3), resize="crop", crop_share=0.5, resample="nearest")(written(wide))

    assert (made[0] == (0, 255, 0)).all()


def test_a_crop_is_what_resizing_and_cutting_makes(images):
    smooth = Image.linear_gradient("L").resize((300, 200)).convert("RGB")
    made = images((224, 224, 3), resize="crop", crop_share=0.875)(written(smooth))

    resized = smooth.resize((384, 256), Image.Resampling.BILINEAR)
    cut = np.asarray(resized.crop((80, 16, 304, 240)), np.int16)
    assert np.abs(made[0].astype(np.int16) - cut).max() <= 2


def test_a_narrow_picture_keeps_a_column(images):
    line = written(Image.new("RGB", (1, 1000), RED))

    assert (images((4, 4, 3), resize="letterbox")(line) == RED).any()
    assert (images((4, 4, 3), resize="crop")(line) == RED).all()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_every_format_is_read(images, form):
    options = {"lossless": True} if form == "WEBP" else {}
    made = images((40, 60, 3))(written(halves(size=(60, 40)), form, **options))

    assert np.abs(made[0, 20, 5].astype(int) - RED).max() <= 5
    assert np.abs(made[0, 20, 55].astype(int) - BLUE).max() <= 5


def test_a_picture_stands_as_its_exif_says(images):
    exif = Image.Exif()
    exif[0x0112] = 6  # as a telephone held upright writes it: to be turned to the right
    body = written(halves(), "JPEG", quality=95, exif=exif)
    made = images((40, 20, 3))(body)

    assert np.abs(made[0, 2, 10].astype(int) - RED).max() <= 5
    assert np.abs(made[0, 37, 10].astype(int) - BLUE).max() <= 5


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGBA", "CMYK", "I;16"])
def test_every_kind_of_pixels_becomes_colours(images, mode):
    if mode == "I;16":
        picture = Image.fromarray(np.full((40, 60), 128 << 8, np.uint16))
    else:
        picture = Image.new("RGB", (60, 40), (128, 128, 128)).convert(mode)
    form = {"CMYK": "JPEG", "PA": "PNG"}.get(mode, "PNG")
    if mode == "PA":
        picture = Image.new("RGBA", (60, 40), (128, 128, 128, 7)).quantize()
    made = images((40, 60, 3))(written(picture, form))

    assert abs(int(made.mean()) - 128) <= (2 if mode != "1" else 128)


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_of_an_animation_the_first_frame_counts(images, form):
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]
    body = written(frames[0], form, save_all=True, append_images=frames[1:], duration=100)
    made = images((4, 4, 3))(body)

    assert np.abs(made[0, 0, 0].astype(int) - RED).max() <= 5


def png_that_says(width, height):
    """Return a PNG of so many pixels in a hundred bytes."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("width", "height"), [(3_536, 3_536), (12_000, 12_000), (60_000, 60_000), (2**31 - 1, 1)]
)
def test_a_bomb_is_refused_before_it_is_decoded(images, width, height):
    with pytest.raises(Rejected) as rejected:
        images()(png_that_says(width, height))

    assert rejected.value.code == "too_large"
    assert "at most 12500000 are decoded" in rejected.value.detail


def test_the_limit_is_the_table_s(images):
    body = written(PHOTO)

    assert images(max_pixels=2_400)(body).shape == (1, 3, 4, 4)
    with pytest.raises(Rejected, match="60 x 40 pixels; at most 2399"):
        images(max_pixels=2_399)(body)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "unsupported_media_type"),
        (b"a sentence", "unsupported_media_type"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported_media_type"),
        (written(PHOTO, "GIF"), "unsupported_media_type"),
        (written(PHOTO, "TIFF"), "unsupported_media_type"),
        (written(PHOTO, "PNG")[:-2000], "invalid_value"),
        (written(PHOTO, "JPEG")[:-600], "invalid_value"),
        (png_that_says(100, 100), "invalid_value"),
    ],
    ids=["nothing", "text", "svg", "gif", "tiff", "cut png", "cut jpeg", "png without pixels"],
)
def test_what_is_no_picture_is_rejected(images, body, code):
    with pytest.raises(Rejected) as rejected:
        images()(body)

    assert rejected.value.code == code


SEEDS = [
    written(PHOTO, form, **options)
    for form, options in [
        ("JPEG", {"exif": b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03"}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
    ]
]


@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=8),
    st.integers(0, 6000),
)
def test_a_damaged_file_is_a_picture_or_rejected(seed, damage, length):
    body = bytearray(seed[:length])
    for place, value in damage:
        if place < len(body):
            body[place] = value
    with suppress(Rejected):
        assert read_picture(bytes(body), channels=3, max_pixels=10_000).mode == "RGB"


@pytest.mark.parametrize(
    ("inputs", "table", "reason"),
    [
        ([spec("a"), spec("b")], {}, "takes a, b"),
        ([spec("a", "FP32", (3, 5, 4))], {}, "takes rows [3, 5, 4]"),
        ([spec("a", "FP32", (3, 4))], {}, "takes rows [3, 4]"),
        ([spec("a", "FP32", (4, 4, 3))], {}, "takes rows [4, 4, 3]"),
        ([spec("a", "INT32", (3, 4, 4))], {}, "INT32"),
        ([spec("a", "UINT8", (3, 4, 4))], {"mean": [0.5]}, "mean"),
        ([spec("a", "UINT8", (3, 4, 4))], {"scale": 1.0}, "scale"),
    ],
)
def test_what_cannot_work_is_refused_at_start(tmp_path, inputs, table, reason):
    with pytest.raises(ModelRefused) as refused:
        ready_made({"image": [3, 4, 4], **table}, signature(inputs), base=tmp_path)

    assert reason in refused.value.reason
    assert refused.value.remedy


def test_a_reply_is_one_object(tmp_path):
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    table = {"image": [3, 4, 4], "labels": "labels.txt", "top": 1}
    made = ready_made(table, signature([spec("x", "FP32", (3, 4, 4))]), base=tmp_path)

    assert made.postprocess({"logits": np.array([[0, 100]], np.float32)}) == (
        "application/json",
        b'{"labels":[{"label":"dog","score":1.0}]}',
    )
