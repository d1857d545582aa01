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
error-config-of-newer-version = holds settings that this DALIP does not know: { $fields }; upgrade DALIP
error-source-weight = what follows the @ must be a number above 0, as in photos/@0.5
error-setting-batch-size = batch_size = { $value }: should be a multiple of the number of processes, { $processes }
error-setting-cache-views = cache_views = { $value }: needs a frozen image tower and photos that are not streamed; add 'image' to freeze, or set it to 0
error-setting-freeze = freeze: '{ $part }' is neither image nor text, and no parameter's name starts with it; the first is '{ $first }'
error-setting-freezes-all = freeze: nothing is left to learn; leave something out
error-setting-train-size = train_sizes: model { $model } does not run at { $size } pixels ({ $cause }); leave this size out

## What a run runs on.

error-training-package-missing = the package { $package } is missing; pip install 'dalip[builtin]'
error-gpu-memory = the GPU's memory is too small ({ $cause }); use more micro-batches (accumulate), or a smaller batch (batch_size)
error-processes-exceed-gpus = { $processes } processes cannot share { $gpus ->
    [one] { $gpus } GPU
   *[other] { $gpus } GPUs
}; start one for each GPU, or set ACCELERATE_USE_CPU=true
error-precision-needs-gpu = precision { $precision } needs a GPU; use 'no', or 'bf16', which a CPU has too
error-precision-unusable = precision { $precision } cannot be used here ({ $cause }); use another one

## What a run learns from.

error-descriptions-malformed = a line is not JSON with scientificName and description ({ $cause }): { $line }
error-descriptions-missing = there is no such file; check the path
error-no-shard = no .tar shard is there, and only shards can be streamed; name one, or leave --stream out
error-shard-pattern = this is not a pattern of shards ({ $cause }); write it as in photos-{ "{" }000..123{ "}" }.tar
error-remote-without-stream = only a run that streams (--stream) reads its data from the network or a command; add --stream and --steps, or copy the data here
error-nothing-to-learn = none of its { $photos } photos has a scientificName or a caption that can be used (fields found: { $fields }); add one of these columns
error-no-training-photo = no photo is in the split train; add photos
error-no-validation-photo = none of the photos of the validation split can be read, so the scoring weights cannot be chosen; put them back and export again

## Steps.

error-cache-in-use = another run computes features here; this one waits for it
error-batch-too-small = step { $step }: too few photos of the batch could be read: { $cause }
error-not-finite = { $what ->
    [loss] the loss is { $value }
    [gradient] the gradient's norm is { $value }
   *[scaled] the gradient's norm has not been finite for many steps, up to the one
} at step { $step }; lower the learning rates, or look at these photos of the batch: { $photos }

## Runs and checkpoints.

error-run-of-other-settings = holds a run with another { $fields }; name a new folder, or give this one alone to resume it
error-run-not-written = { $cause }; correct this and run the command again
error-run-unfinished = this is not a finished run; if it was stopped, `dalip train { $run }` resumes it
error-not-a-run = this is not a run; name the folder of a finished run of dalip train
error-folder-not-a-run = this is not a run; an open_clip model in a folder is named local-dir:{ $folder }
error-checkpoint-missing = there is no such checkpoint; check the path
error-checkpoint-damaged = this is not a readable checkpoint ({ $cause }); copy it again, or use another
error-checkpoint-unsafe = this is not a readable checkpoint: it is damaged, or holds more than tensors, which is not read because it could run code; save its state_dict alone
error-checkpoint-not-written = the checkpoint cannot be written ({ $cause }), with { $free } MiB free on that disk; free some space and resume
error-checkpoint-not-shared = not all processes find the same checkpoint; put it on a disk that all of them share
error-checkpoint-of-other-settings = comes from a run with another { $fields }; put the run's own back, or name a new folder
error-checkpoint-of-other-data = photos or texts were added, removed or changed since; put them back, or name a new folder
error-checkpoint-lacks-part = does not fit this model (it holds no { $part }); put the run's own back, or name a new folder
error-checkpoint-misfit = does not fit this model ({ $cause }); put the run's own back, or name a new folder
error-tensor-missing = does not fit this model: { $name } is missing; use weights of the same model and sizes
error-tensor-not-expected = does not fit this model, which has no place for its { $name }; use weights of the same model and sizes
error-tensor-shape = does not fit this model: { $name } has the shape { $shape }, needed is { $needed }; use weights of the same model and sizes
error-heads-missing = lacks the heads of the second order; use the objective first-order, clip or siglip
error-heads-not-expected = has the heads of the second order; use the objective dalip, joint or second-order
error-no-imagenet-classifier = the image tower of { $model } did not come with an ImageNet classifier, so nothing can be compared; use a run of { $models }
error-no-imagenet-photo = none of the { $photos } photos is readable and has a wordnetID of ImageNet's; name other photos

## What a run starts from.

error-start-unknown = holds neither a finished run nor an exported encoder (no config.json, no { $manifest }); name another folder
error-start-differs = has { $field } = { $value }, and a run that starts from it cannot have { $asked }; leave that out
error-origin-missing = was exported by an earlier DALIP ({ $version }), which did not keep what training needs; export it again, or start from its run
error-origin-damaged = its details.origin is damaged ({ $cause }); copy the bundle again
error-towers-undescribed = its details.origin lacks { $file }; copy the bundle again
error-towers-damaged = does not hold the towers of a run ({ $cause }); copy the run again
error-bundle-lacks-tensor = does not hold { $name } of its model under a name that is known, so training cannot start from it; start from its run
error-graph-not-read = this is not a readable ONNX graph ({ $cause }); copy the bundle again
error-rebuilt-differs = the model rebuilt from it gives other embeddings (least cosine { $cosine }, needed { $needed }), so training cannot start from it; start from its run
error-official-lacks-tensor = lacks { $name }; copy it again
error-official-shape = holds { $name } with the impossible shape { $shape }; copy it again
error-official-widths = holds towers of the widths { $widths } for { $tokens } tokens; CLIP's widths are multiples of { $multiple }, and its tokens { $vocabulary }
error-not-a-model = holds neither a run's model nor the authors'; name the weights of a plain CLIP with --pretrained, after its open_clip model

## Models by name.

error-model-not-found = there is no such run or file, nor a model of this name in open_clip
error-model-refused = this model cannot be used: { $cause }
error-model-unknown = there is no model of this name; { $number ->
    [0] use { $ours }, hf-hub:ORG/REPO, local-dir:PATH or one of open_clip.list_models()
   *[other] did you mean { $close }?
}
error-model-untrained = has untrained parts; name its weights after an @, as in ViT-B-32@laion2b_e16
error-model-without-gradient-checkpoints = cannot checkpoint gradients ({ $cause }); leave checkpoint_gradients out
error-model-without-weights = '{ $tag }' is not a file, and open_clip has no weights of it; leave --pretrained out
error-not-open-clip = { $file } has no model_cfg, so it is not open_clip's; name another model
error-tag-unknown = '{ $tag }' is neither a file nor a tag of its weights; { $number ->
    [0] it has { $tags }
   *[other] did you mean { $close }?
}
error-activation-differs = the weights { $weights } were trained with { $activation }, this architecture has { $other }; open_clip has none that fits, use other weights
error-activation-of-twin = the weights { $weights } were trained with { $activation }, this architecture has { $other }; use the model { $twin }
error-weights-not-needed = brings its own weights or has none; leave out '{ $weights }'
error-weights-of-other-width = its weights have the joint width { $width }, not { $asked }; leave embed_dim out
error-package-of-other-weights = these weights do not fit the image tower; install the pinned package
error-image-not-square = takes images of { $height } x { $width } pixels, and only square ones are supported; use another model
error-preparation-unsupported = prepares images with { $field } '{ $value }', and supported are { $known }; use another model
error-preparation-assumed = does not say how photos were prepared; assumed are mean { $mean } and deviation { $std }
error-preparation-and-activation-assumed = does not say how photos were prepared; assumed are mean { $mean } and deviation { $std }, and { $activation } as in { $model }
error-tower-tokenless = { $name } gives no tokens in the joint space; { $tower ->
    [image] take a ViT or a timm trunk
   *[text] take a native or a transformers text tower
}
error-tower-pools-by-attention = its image tower pools by attention and keeps no patch tokens in the joint space; use another model
error-tower-unpooled = its text tower does not pool its tokens, so there is no summary to align; use another model
error-tower-pooler = its text tower pools with open_clip's { $pooler }, { $pooler ->
    [max_pooler] which takes the maximum over padding, too; use mean_pooler
   *[other] a layer of its own; use mean_pooler or cls_last_hidden_state_pooler
}
error-tower-coca = its text tower (CoCa) appends a class token: it has no end-of-text token to align; use another model
error-tower-padding = its tokenizer pads with the token { $token }, its text tower with { $expected }; use another model
error-tower-size = its image tower does not run at { $size } pixels ({ $cause }); leave image_size out
error-tokenizer-differs = the new tokenizer does not cut texts as the model's own ({ $tokenizer }); use another model
error-tokenizer-random = its tokenizer leaves out random parts of long texts; use another model
error-tokenizer-slow = the tokenizer { $tokenizer } has no form in the library tokenizers; use another model
error-tokenizer-unknown = a { $tokenizer } cannot be written as a tokenizer.json; use another model

## Exports.

error-export-differs = differs from the model it was exported from (least cosine { $cosine }, needed { $needed }) and cannot be used; export it again with fp32 weights
error-export-folder-used = holds other files; name an empty folder or an old bundle
error-export-not-a-folder = this is not a folder; name another
error-export-not-written = { $cause }; correct this and export again
error-export-too-large = would have { $size } GB, and ONNX allows 2 in one file; export with --weights int8
error-export-untrained = has no trained weights; name its weights with --pretrained, or train it first
error-export-untrained-parts = has untrained parts ({ $parts }); name its weights with --pretrained, or train it first
error-export-without-photo = none of the photos to check the export on can be read; put them back and export again
error-export-without-second-order = has no second order to weigh; leave --first-order out
error-onnx-unsupported = this model cannot be written as ONNX ({ $cause }); use another model
