"""Backbones: from pictures to maps of strides 4, 8, 16 and 32."""
