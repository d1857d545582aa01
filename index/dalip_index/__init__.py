"""Floras, the photo library and the journal: stored on disk and searched without PyTorch.

```python
from dalip_index import load_flora

for answer in load_flora().identify(["poppy.jpg"]):
    print(answer)
```
"""

from lazy_loader import attach_stub as _attach_stub

# A module is imported when its names are first used.
__getattr__, __dir__, __all__ = _attach_stub(__name__, __file__)
