### What is wrong with training runs and exports.
