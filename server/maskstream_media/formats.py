"""What is decoded of untrusted files: the one list, for the whitelists, messages and docs.

Taken is what is common and what FFmpeg's fuzzing covers well; nothing here may point to another
file or to the network.
"""

from collections.abc import Mapping
from typing import Final

CONTAINERS: Final[Mapping[str, str]] = {
    "mov": "MP4, MOV, 3GP",
    "matroska": "Matroska, WebM",
    "avi": "AVI",
    "mpegts": "MPEG-TS",
    "mpeg": "MPEG-PS",
    "ogg": "Ogg",
    "flv": "FLV",
    "asf": "WMV",
    "gif": "GIF",
    "ivf": "IVF",
    "h264": "raw H.264",
    "hevc": "raw HEVC",
}
"""Demuxers that read one file, and what people call it."""

VIDEO_CODECS: Final[Mapping[str, str]] = {
    "h264": "H.264",
    "hevc": "HEVC",
    "vp8": "VP8",
    "vp9": "VP9",
    "av1": "AV1",
    "mpeg1video": "MPEG-1",
    "mpeg2video": "MPEG-2",
    "mpeg4": "MPEG-4 ASP",
    "h263": "H.263",
    "theora": "Theora",
    "flv1": "Sorenson H.263",
    "vp6f": "VP6",
    "msmpeg4v2": "MS-MPEG-4 v2",
    "msmpeg4v3": "MS-MPEG-4 v3",
    "wmv1": "WMV 7",
    "wmv2": "WMV 8",
    "wmv3": "WMV 9",
    "vc1": "VC-1",
    "mjpeg": "Motion JPEG",
    "png": "PNG",
    "qtrle": "QuickTime RLE",
    "gif": "GIF",
    "dvvideo": "DV",
    "prores": "ProRes",
    "dnxhd": "DNxHD",
    "ffv1": "FFV1",
    "huffyuv": "HuffYUV",
    "rawvideo": "uncompressed",
}
"""By FFmpeg's name of the codec."""

SOUND_CODECS: Final[Mapping[str, str]] = {
    "aac": "AAC",
    "mp3": "MP3",
    "mp2": "MP2",
    "opus": "Opus",
    "vorbis": "Vorbis",
    "flac": "FLAC",
    "alac": "ALAC",
    "ac3": "AC-3",
    "eac3": "E-AC-3",
    "dts": "DTS",
    "amr_nb": "AMR",
    "amr_wb": "AMR-WB",
    "wmav1": "WMA 1",
    "wmav2": "WMA 2",
    "speex": "Speex",
    "nellymoser": "Nellymoser",
    "adpcm_ima_wav": "ADPCM (IMA)",
    "adpcm_ima_qt": "ADPCM (QuickTime)",
    "adpcm_ms": "ADPCM (Microsoft)",
    "adpcm_swf": "ADPCM (Flash)",
    "pcm_s16le": "PCM",
    "pcm_s16be": "PCM",
    "pcm_s24le": "PCM",
    "pcm_s24be": "PCM",
    "pcm_s32le": "PCM",
    "pcm_f32le": "PCM",
    "pcm_s8": "PCM",
    "pcm_u8": "PCM",
    "pcm_alaw": "A-law",
    "pcm_mulaw": "mu-law",
}
"""By FFmpeg's name of the codec."""

DECODERS: Final = (
    *("libdav1d", "mp3float", "mp2float", "flv", "msmpeg4", "amrnb", "amrwb", "dca"),
)
"""Names of decoders that are not those of their codecs."""


def listed(names: Mapping[str, str]) -> str:
    """Return the list as people read it: "MP4, MOV, 3GP, AVI and GIF"."""
    labels = list(dict.fromkeys(names.values()))
    return f"{', '.join(labels[:-1])} and {labels[-1]}"
