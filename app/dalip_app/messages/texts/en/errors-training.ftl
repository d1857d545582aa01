### What is wrong with training runs and exports.

## Settings. { $field } = { $value } names them as people set them.

error-setting-choice = { $field } = { $value }: should be one of { $choices }
error-setting-number = { $field } = { $value }: should be a { $number ->
    [whole] whole
   *[finite] finite
} number { $bounds }
error-setting-list = { $field } = { $value }: should be a list of { $of ->
    [texts] texts
   *[pairs] pairs of numbers, as in [[0.5, 160], [1, 224]]
}
error-setting-type = { $field } = { $value }: should be { $wanted ->
    [text] a text
   *[switch] true or false
}
error-setting-accumulate = accumulate = { $value }: should be at most the batch size of a process, { $most }
error-setting-stream-without-steps = stream = True: needs steps, because a stream has no end
error-setting-balance-of-stream = balance = { $value }: should be 0 for a stream, whose photos are not counted by taxon
error-setting-validate-without-stream = validate = { $value }: is for streams; other runs use their own validation split
error-setting-heads = num_heads = { $value }: should divide embed_dim, { $width }
error-setting-sizes-end = train_sizes = { $value }: should go on until 1, the end of the run

error-config-not-read = the configuration of a run cannot be read ({ $cause }); copy it again, or name another run
error-not-a-config = this is not the configuration of a run; name the folder of a run of dalip train
error-config-of-newer-version = holds settings that this DALIP does not know: { $fields }; upgrade dalip
error-source-weight = what follows the @ must be a number above 0, as in photos/@0.5
