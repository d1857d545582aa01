"""The generated files of a Space: app.py, README.md and so on."""

__all__ = ["APP", "ATTRIBUTES", "README"]

APP = '''\
"""The page of this Space. Written by `dalip-app space`, which also renews it; changes here would be lost."""

import os
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # a try at home leaves nothing here that would be put on the web

if os.environ.get("SPACES_ZERO_GPU"):  # the hardware that Hugging Face lends to free accounts
    import spaces

    import gradio

    @spaces.GPU
    def unused() -> None:
        """DALIP needs no GPU, but ZeroGPU starts nothing that could not use one."""

    # It hears of that function when Gradio launches something; the page itself is served below.
    with gradio.Blocks(analytics_enabled=False) as nothing:
        pass
    nothing.launch(server_name="127.0.0.1", server_port=7861, prevent_thread_lock=True, quiet=True, ssr_mode=False)
    nothing.close(verbose=False)

from dalip_app.cli.serve import app

here = Path(__file__).parent
serve = ["serve", "--public", "--flora", here / "flora", "--encoder", here / "encoder"]
serve += ["--host", os.environ.get("GRADIO_SERVER_NAME", "0.0.0.0")]
serve += ["--port", os.environ.get("GRADIO_SERVER_PORT", "7860")]
serve += ["--embed-in", "https://huggingface.co"]
app([str(part) for part in serve])
'''
"""`app.py`, which a Space starts."""

ATTRIBUTES = """\
*.db filter=lfs diff=lfs merge=lfs -text
*.faiss filter=lfs diff=lfs merge=lfs -text
*.onnx filter=lfs diff=lfs merge=lfs -text
*.png filter=lfs diff=lfs merge=lfs -text
"""
"""`.gitattributes`: Hugging Face takes binary files only so."""

README = """\
---
title: {title}
emoji: 🌿
colorFrom: green
colorTo: yellow
sdk: gradio
sdk_version: {gradio}
python_version: "3.12"
app_file: app.py
short_description: Names for plants, from a photo
tags:
  - plants
  - botany
  - biodiversity
  - image-classification
{license}---

# {title_line}

Give it a photo of a plant, or up to five of one plant. It answers with the five most likely names of the {taxa} plants
that it knows, and says how sure it is. It looks at the photo as a whole, so come close.

**A name is no advice.** Photos mislead, and look-alikes can be poisonous. Never eat a plant, or give or apply it to
anyone, because of an answer.

Photos are deleted within ten minutes. What a visitor keeps in the journal only that visitor sees, and it is deleted
after the visit; it can be exported before. The page loads nothing from other sites.

Programs ask the same server: `POST` photos to `/v2/identify/all`, as `/docs` describes.

## Terms

The code is under the Apache License 2.0. The encoder is *{encoder}*; the terms of its weights: {terms}.

Written by `dalip-app space` of DALIP {version}, which also renews it.
"""
"""`README.md`, with the settings of the Space at its top."""
