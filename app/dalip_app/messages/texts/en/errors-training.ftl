### Errors of training runs, checkpoints, models and exports.

## Settings. Users write them as { $field } = { $value }.

error-setting-choice = { $field } = { $value }: must be one of { $choices }
error-setting-number = { $field } = { $value }: must be a { $number ->
    [whole] whole
   *[finite] finite
} number { $bounds }
error-setting-list = { $field } = { $value }: must be a list of { $of ->
    [texts] strings
   *[pairs] pairs of numbers, such as [[0.5, 160], [1, 224]]
}
error-setting-type = { $field } = { $value }: must be { $wanted ->
    [text] a string
   *[switch] true or false
}
error-setting-accumulate = accumulate = { NUMBER($value, useGrouping: 0) }: must be at most the batch size of a process, { NUMBER($most, useGrouping: 0) }
error-setting-stream-without-steps = stream = True: needs steps, because a stream has no end
error-setting-balance-of-stream = balance = { $value }: must be 0 for a stream, because its photos are not counted by taxon
error-setting-validate-without-stream = validate = { $value }: is only for streams; other runs use their own validation split
error-setting-heads = num_heads = { NUMBER($value, useGrouping: 0) }: must divide embed_dim, { NUMBER($width, useGrouping: 0) }
error-setting-sizes-end = train_sizes = { $value }: the last entry must reach 1, the end of the run

error-config-not-read = the configuration of the run cannot be read ({ $cause }); copy it again, or use another run
error-not-a-config = this is not the configuration of a run; specify the folder of a `dalip train` run
error-config-of-newer-version = the configuration contains settings that this version of DALIP does not know: { $fields }; upgrade DALIP
error-source-weight = the weight after the @ must be a number greater than 0, as in photos/@0.5
error-setting-batch-size = batch_size = { NUMBER($value, useGrouping: 0) }: must be a multiple of the number of processes, { $processes }
error-setting-classifier-frozen = classifier = { $value }: needs an image tower that is trained, because it trains nothing else; remove 'image' from freeze, or set classifier to 0
error-setting-classifier-of-stream = classifier = { $value }: must be 0 for a stream, because its taxa are not known in advance
error-setting-cache-views = cache_views = { NUMBER($value, useGrouping: 0) }: needs a frozen image tower and photos that are not streamed; add 'image' to freeze, or set cache_views to 0
error-setting-freeze = freeze: '{ $part }' is neither image nor text, and no parameter name starts with it; the first parameter is '{ $first }'
error-setting-freezes-all = freeze: there are no parameters left to train; freeze less
error-setting-train-size = train_sizes: the model { $model } does not run at { $size } pixels ({ $cause }); omit this size

## Hardware and packages that a run needs.

error-training-package-missing = the package { $package } is not installed; run pip install 'dalip[builtin]'
error-gpu-memory = the GPU is out of memory ({ $cause }); use more micro-batches (accumulate), or a smaller batch (batch_size)
error-processes-exceed-gpus = { $processes } processes cannot share { $gpus ->
    [one] { $gpus } GPU
   *[other] { $gpus } GPUs
}; start one per GPU, or set ACCELERATE_USE_CPU=true
error-precision-needs-gpu = precision { $precision } needs a GPU; use 'no', or 'bf16', which also works on a CPU
error-precision-unusable = precision { $precision } is not available here ({ $cause }); use another one

## Training data.

error-descriptions-malformed = a line is not a JSON object with scientificName and description ({ $cause }): { $line }
error-descriptions-missing = no such file; check the path
error-no-shard = no .tar shard found, and only shards can be streamed; specify at least one, or omit --stream
error-shard-pattern = this is not a valid shard pattern ({ $cause }); use the form photos-{ "{" }000..123{ "}" }.tar
error-remote-without-stream = only a streaming run (--stream) can read data from the network or a command; add --stream and --steps, or copy the data here
error-nothing-to-learn = none of the { $photos } photos has a usable scientificName or caption (fields found: { $fields }); add one of these columns
error-no-training-photo = there are no photos in the training split; add photos
error-no-validation-photo = none of the photos in the validation split can be read, so the scoring weights cannot be chosen; restore the photos and export again

## Steps.

error-cache-in-use = another run{ $holder ->
    [0] { "" }
   *[other] { " " }(process { NUMBER($holder, useGrouping: 0) })
} is computing features here; this run waits for it
error-batch-too-small = step { $step }: too few photos in the batch could be read: { $cause }
error-not-finite = { $what ->
    [loss] the loss is { $value }
    [gradient] the gradient norm is { $value }
   *[scaled] the gradient norm was not finite for many steps in a row, most recently
} at step { $step }; lower the learning rates, or check these photos in the batch: { $photos }

## Runs and checkpoints.

error-run-of-other-settings = the folder contains a run with different settings ({ $fields }); choose a new folder, or specify only this folder to resume that run
error-run-busy = { $holder ->
    [0] another process
   *[other] process { NUMBER($holder, useGrouping: 0) }
} is training this run; wait until it finishes, or choose another folder
error-run-not-written = { $cause }; fix this and run the command again
error-run-unfinished = this is not a finished run; if it was interrupted, resume it with `dalip train { $run }`
error-not-a-run = this is not a run; specify the folder of a finished `dalip train` run
error-folder-not-a-run = this is not a run; for an open_clip model in a folder, use local-dir:{ $folder }
error-checkpoint-missing = no such checkpoint; check the path
error-checkpoint-damaged = this is not a readable checkpoint ({ $cause }); copy it again, or use another one
error-checkpoint-unsafe = this is not a readable checkpoint: it is damaged, or contains more than tensors, which DALIP refuses to load because it could run code; save only its state_dict
error-checkpoint-not-written = the checkpoint cannot be written ({ $cause }; { $free } MiB free on that disk); free some space and resume the run
error-checkpoint-not-shared = the processes do not all find the same checkpoint; put it on a disk that they all share
error-checkpoint-of-other-settings = the checkpoint is from a run with different settings ({ $fields }); restore the run's own checkpoint, or choose a new folder
error-checkpoint-of-other-data = photos or texts were added, removed or changed since this checkpoint; restore them, or choose a new folder
error-checkpoint-lacks-part = the checkpoint does not fit this model ({ $part } is missing); restore the run's own checkpoint, or choose a new folder
error-checkpoint-misfit = the checkpoint does not fit this model ({ $cause }); restore the run's own checkpoint, or choose a new folder
error-tensor-missing = the weights do not fit this model: { $name } is missing; use weights of the same model and sizes
error-tensor-not-expected = the weights do not fit this model, which has no { $name }; use weights of the same model and sizes
error-tensor-shape = the weights do not fit this model: { $name } has the shape { $shape } instead of { $needed }; use weights of the same model and sizes
error-heads-missing = the weights have no second-order heads; use the objective first-order, clip or siglip
error-heads-not-expected = the weights have second-order heads; use the objective dalip, joint or second-order
error-no-imagenet-classifier = the image tower of { $model } does not come with an ImageNet classifier, so there is nothing to compare; use a run of { $models }
error-no-imagenet-photo = none of the { $photos } photos is readable and has the wordnetID of an ImageNet class; use other photos

## What a run starts from.

error-start-unknown = the folder contains neither a finished run nor an exported encoder (no config.json, no { $manifest }); choose another folder
error-start-differs = this has { $field } = { $value }, so a run that starts from it cannot have { $asked }; omit that setting
error-origin-missing = this was exported by an older version of DALIP ({ $version }), which did not store what training needs; export it again, or start from its run
error-origin-damaged = its details.origin is damaged ({ $cause }); copy the bundle again
error-towers-undescribed = its details.origin does not contain { $file }; copy the bundle again
error-towers-damaged = the folder does not contain the towers of a run ({ $cause }); copy the run again
error-bundle-lacks-tensor = the bundle has no tensor that can be recognised as { $name } of its model, so training cannot start from it; start from its run
error-graph-not-read = this is not a readable ONNX graph ({ $cause }); copy the bundle again
error-rebuilt-differs = the model rebuilt from it returns different embeddings (lowest cosine similarity { $cosine }, required { $needed }), so training cannot start from it; start from its run
error-official-lacks-tensor = the checkpoint does not contain { $name }; copy it again
error-official-shape = { $name } has the impossible shape { $shape }; copy the checkpoint again
error-official-widths = the towers have the widths { $widths } and a vocabulary of { $tokens } tokens, but CLIP has widths that are multiples of { $multiple } and a vocabulary of { $vocabulary }; use a checkpoint of CLIP
error-not-a-model = the file contains neither the model of a run nor the authors' checkpoint; for the weights of a plain CLIP, specify the open_clip model and pass the file with --pretrained

## Models by name.

error-model-not-found = no such run or file, and open_clip has no model with this name; check the path or the name
error-model-refused = this model cannot be used: { $cause }
error-model-unknown = there is no model with this name; { $number ->
    [0] use { $ours }, hf-hub:ORG/REPO, local-dir:PATH or one of open_clip.list_models()
   *[other] did you mean { $close }?
}
error-model-untrained = the model has untrained parts; add its weights after an @, as in ViT-B-32@laion2b_e16
error-model-without-gradient-checkpoints = the model does not support gradient checkpointing ({ $cause }); omit checkpoint_gradients
error-model-without-weights = '{ $tag }' is not a file, and open_clip has no pretrained weights for this model; omit --pretrained
error-not-open-clip = { $file } has no model_cfg, so it is not an open_clip model; use another model
error-tag-unknown = '{ $tag }' is neither a file nor a tag of pretrained weights for this model; { $number ->
    [0] use one of { $tags }
   *[other] did you mean { $close }?
}
error-activation-differs = the weights { $weights } were trained with { $activation }, but this architecture has { $other }, and open_clip has none that fits; use other weights
error-activation-of-twin = the weights { $weights } were trained with { $activation }, but this architecture has { $other }; use the model { $twin }
error-weights-not-needed = the model comes with its own weights or has none; omit '{ $weights }'
error-weights-of-other-width = its weights have embed_dim = { NUMBER($width, useGrouping: 0) }, not { NUMBER($asked, useGrouping: 0) }; omit embed_dim
error-package-of-other-weights = these weights do not fit the image tower; install the pinned version of the package
error-image-not-square = the model takes images of { $height } x { $width } pixels, but only square ones are supported; use another model
error-preparation-unsupported = the model preprocesses images with { $field } '{ $value }', but only { $known } are supported; use another model
error-preparation-assumed = the weights do not say how images were preprocessed; assuming mean { $mean } and standard deviation { $std }
error-preparation-and-activation-assumed = the weights do not say how images were preprocessed; assuming mean { $mean } and standard deviation { $std }, and { $activation } as in { $model }
error-tower-tokenless = { $name } returns no tokens in the joint space; { $tower ->
    [image] use a ViT or a timm trunk
   *[text] use a native or a transformers text tower
}
error-tower-pools-by-attention = its image tower uses attention pooling and keeps no patch tokens in the joint space; use another model
error-tower-unpooled = its text tower does not pool its tokens, so there is no summary to align; use another model
error-tower-pooler = its text tower pools with open_clip's { $pooler }, { $pooler ->
    [max_pooler] which also takes the maximum over padding; use mean_pooler
   *[other] a separate layer; use mean_pooler or cls_last_hidden_state_pooler
}
error-tower-coca = its text tower (CoCa) appends a class token, so there is no end-of-text token to align; use another model
error-tower-padding = its tokenizer pads with the token { NUMBER($token, useGrouping: 0) }, but its text tower expects { NUMBER($expected, useGrouping: 0) }; use another model
error-tower-size = its image tower does not run at { $size } pixels ({ $cause }); omit image_size
error-tokenizer-differs = the converted tokenizer does not split texts like the model's own ({ $tokenizer }); use another model
error-tokenizer-random = its tokenizer drops random parts of long texts; use another model
error-tokenizer-slow = the tokenizer { $tokenizer } has no fast version in the library tokenizers; use another model
error-tokenizer-unknown = a { $tokenizer } cannot be saved as tokenizer.json; use another model

## Exports.

error-export-differs = the exported encoder differs from its model (lowest cosine similarity { $cosine }, required { $needed }) and cannot be used; export it again with --weights fp32
error-export-folder-used = the folder contains other files; use an empty folder or one with an old bundle
error-export-not-a-folder = this is not a folder; choose another name
error-export-not-written = { $cause }; fix this and export again
error-export-untrained = the model has no trained weights; { $number ->
    [0] specify them with --pretrained, or train it first
   *[other] specify them with --pretrained: { $tags }
}
error-open-clip-cannot-express = the encoder has a second order or averages mirror images, which open_clip's format cannot express; publish the encoder bundle
error-besides-damaged = the file cannot be used ({ $cause }); delete it, or download the model again
error-model-published = this is a published model; fetch it with `dalip encoder get { $close }`
error-export-untrained-parts = the model has untrained parts ({ $parts }); specify its weights with --pretrained, or train it first
error-export-without-photo = none of the photos for checking the export can be read; restore them and export again
error-export-without-second-order = the model has no second order to weight; omit --first-order
error-onnx-unsupported = this model cannot be exported to ONNX ({ $cause }); use another model
