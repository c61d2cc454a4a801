"""`gilfree images test`: facts are collected from containers of an image, then compared with what the image promises."""
