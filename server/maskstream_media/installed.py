"""What the installed PyAV is and knows: its version, its decoders and the cameras it lists."""

import av


def version() -> str:
    """Return the version of PyAV."""
    return av.__version__


def can_decode(codec: str) -> bool:
    """Whether there is a decoder of this name, such as `h264`."""
    try:
        av.Codec(codec, "r")
    except av.codec.codec.UnknownCodecError:
        return False
    return True


def camera_names(device_format: str) -> list[str]:
    """Return the names of the cameras that FFmpeg lists for a format such as `dshow`, in order."""
    devices = av.enumerate_input_devices(device_format)
    return [device.name for device in devices if "video" in device.media_types]
