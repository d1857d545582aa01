### What is wrong with encoders.
