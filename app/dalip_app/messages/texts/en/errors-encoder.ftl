### What is wrong with encoders, and with what they are measured on.

error-bundle-folder-missing = there is no such folder; name the folder of an encoder bundle
error-bundle-without-manifest = there is no such file, so the folder is not an encoder bundle; name a folder that `dalip export` wrote
error-bundle-file-not-read = the file cannot be read ({ $cause }); copy or export the bundle again
error-bundle-file-size = the file has { $size } bytes, where manifest.json says { $wanted }; copy or export the bundle again
error-bundle-file-changed = the file was changed: its SHA-256 is not the one in manifest.json; copy or export the bundle again
error-bundle-file-not-onnx = this is not an ONNX file; copy or export the bundle again
error-bundle-file-not-tokenizer = this is not a tokenizer ({ $cause }); copy or export the bundle again
error-bundle-not-written = this cannot be read or written ({ $cause }); a bundle needs the files { $needed }

error-manifest-not-json = the JSON cannot be read ({ $cause }); copy or export the bundle again
error-manifest-no-version = there is no format_version, so this is not the manifest of an encoder; copy or export the bundle again
error-manifest-newer = the manifest has the format version { $version }, and this DALIP reads { $known }; upgrade DALIP
error-manifest-field-missing = the field { $field } is missing; copy or export the bundle again
error-manifest-field-wrong = a field is wrong ({ $cause }); copy or export the bundle again
error-manifest-field-range = { $field } must be from { $least } to { $most }; copy or export the bundle again
error-manifest-field-least = { $field } must be { $least } or more; copy or export the bundle again
error-manifest-std-not-positive = image.std must be above 0; copy or export the bundle again
error-manifest-no-block = the list blocks is empty; copy or export the bundle again
error-manifest-weights-sum = the weights in blocks sum to { $total }, not to 1; copy or export the bundle again
error-manifest-file-name = files names { $name }, which is not a plain file name; copy or export the bundle again
error-manifest-hash-wrong = files.sha256 is { $hash }, not 64 hexadecimal digits; copy or export the bundle again
error-manifest-fingerprint-wrong = the fingerprint does not belong to the other fields, so one of them was changed; copy or export the bundle again

error-model-not-opened = onnxruntime cannot open the model ({ $cause }); upgrade onnxruntime or export the model again
error-model-output-missing = the model lacks the output { $output } (it has { $found }); export it again
error-model-output-shape = the output { $output } has the shape ({ $shape }), where manifest.json says ({ $wanted }); export the model again
error-model-fails = the model fails ({ $cause }); export it again
error-model-not-finite = the model gives numbers that are not finite; export it again
error-encoder-without-second-order = the encoder has no second order to weight; leave the weight out
error-encoder-weight-lost = { $block } has weight 0 in this encoder, which cannot be undone; export the model again

error-no-named-photo = none of the { $photos } photos is readable and has a scientificName or className; name other photos
error-no-captioned-photo = none of the { $photos } photos is readable and has a caption; name other photos
error-split-without-photos = none of the { $photos } photos is readable, in the split { $split } and of a taxon with photos in the split train; name other photos
error-too-few-shots = no taxon of the split { $split } has { $shots } photos in the split train; use fewer shots
error-only-one-taxon = all photos show { $name }; a classifier needs two taxa or more
error-probe-without-scikit-learn = a linear probe needs scikit-learn, which is missing; pip install 'dalip[train]'
