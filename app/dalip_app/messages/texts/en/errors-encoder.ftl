### Errors of encoders, and of the photos that they are evaluated on.

error-bundle-folder-missing = no such folder; specify the folder of an encoder bundle, or a name from `dalip encoder list`
error-bundle-without-manifest = no such file, so the folder is not an encoder bundle; specify a folder that `dalip export` wrote
error-bundle-file-not-read = the file cannot be read ({ $cause }); copy or export the bundle again
error-bundle-file-size = the file size is { $size } bytes, but manifest.json says { $wanted }; copy or export the bundle again
error-bundle-file-changed = the file was changed: its SHA-256 checksum does not match manifest.json; copy or export the bundle again
error-bundle-data-elsewhere = the model refers to weights in a file that manifest.json does not list for it; copy or export the bundle again
error-bundle-file-not-onnx = this is not an ONNX file; copy or export the bundle again
error-bundle-file-not-tokenizer = this is not a valid tokenizer ({ $cause }); copy or export the bundle again
error-bundle-not-written = this cannot be read or written ({ $cause }); a bundle needs the files { $needed }

error-manifest-not-json = the file cannot be read as JSON ({ $cause }); copy or export the bundle again
error-manifest-no-version = there is no valid format_version, so this is not the manifest of an encoder; copy or export the bundle again
error-manifest-newer = the manifest has format version { NUMBER($version, useGrouping: 0) }, but this version of DALIP supports only up to { NUMBER($known, useGrouping: 0) }; upgrade DALIP
error-manifest-field-missing = the field { $field } is missing; copy or export the bundle again
error-manifest-field-wrong = a field is invalid ({ $cause }); copy or export the bundle again
error-manifest-field-range = { $field } must be between { $least } and { $most }; copy or export the bundle again
error-manifest-field-least = { $field } must be at least { $least }; copy or export the bundle again
error-manifest-std-not-positive = image.std must be greater than 0; copy or export the bundle again
error-manifest-no-block = the list blocks is empty; copy or export the bundle again
error-manifest-weights-sum = the weights in blocks sum to { $total } instead of 1; copy or export the bundle again
error-manifest-file-name = files contains { $name }, which is not a file of an encoder bundle; copy or export the bundle again
error-manifest-hash-wrong = a SHA-256 is { $hash } instead of 64 hexadecimal digits; copy or export the bundle again
error-manifest-fingerprint-wrong = the fingerprint does not match the other fields, so one of them was changed; copy or export the bundle again

error-model-not-opened = ONNX Runtime cannot open the model ({ $cause }); upgrade onnxruntime or export the model again
error-model-output-missing = the model has no output { $output } (outputs found: { $found }); export it again
error-model-output-shape = the output { $output } has the shape ({ $shape }), but manifest.json says ({ $wanted }); export the model again
error-model-fails = the model cannot be run ({ $cause }); export it again
error-model-not-finite = the model returns NaN or infinite values; export it again
error-encoder-not-fetched = this encoder is not on this computer; fetch it with `dalip encoder get { $name }`
error-encoder-name-unknown = there is no folder and no encoder with this name; did you mean { $close }? `dalip encoder list` shows all
error-encoder-name-malformed = this cannot be the name of an encoder; use one from `dalip encoder list`, hf-hub:ORG/REPO or local-dir:FOLDER
error-encoder-held-from-elsewhere = there is already an encoder with this name, from { $from_ }; remove it first with `dalip encoder remove { $name }`, or rename the folder
error-encoders-busy = { $pid ->
    [0] another process
   *[other] process { NUMBER($pid, useGrouping: 0) }
} is fetching an encoder; wait until it has finished
error-encoder-not-held = this encoder is not on this computer; { $number ->
    [0] `dalip encoder get` has fetched none
   *[other] fetched encoders: { $held }
}

error-hub-unreachable = the model hub { $endpoint } cannot be reached ({ $cause }); connect to the network, or download the model's files elsewhere and use local-dir:FOLDER
error-hub-interrupted = the download from { $endpoint } was interrupted ({ $cause }); run the command again to resume it
error-hub-file-damaged = the downloaded file does not have the SHA-256 that the model hub states; run the command again
error-hub-busy = { $pid ->
    [0] another process
   *[other] process { NUMBER($pid, useGrouping: 0) }
} is downloading this file; wait until it has finished
error-hub-not-downloaded = this file was not downloaded before, and the model hub cannot be reached; connect to the network
error-hub-not-found = the model hub { $endpoint } has no such repository, or you have no access to it; check the name, or log in with `hf auth login`
error-hub-gated = the makers of this model ask you to accept its terms first; do so on its page at { $endpoint }, then log in with `hf auth login`
error-hub-failed = the model hub { $endpoint } refused the request ({ $cause }); try again later
error-hub-odd = { $endpoint } does not answer like a model hub; check HF_ENDPOINT, or try again later
error-hub-file-missing = the repository does not contain this file; check the repository
error-hub-name-malformed = this is not the name of a repository; write hf-hub:ORG/REPO
error-hub-not-a-model = the repository contains neither an encoder bundle nor a model in open_clip's format, which needs { $needed }; download its weights and use `dalip export ARCHITECTURE FOLDER --pretrained FILE`

error-template-long = a prompt template has { $length } characters, but at most { $most } are allowed; shorten it
error-template-malformed = the prompt template '{ $template }' has unmatched brackets or nothing to fill in; write terms in braces, as in a photo of {"{"}scientificName{"}"}
error-template-term-unknown = there is no term '{ $term }' for prompt templates; use { $known }
error-template-without-name = the prompt template '{ $template }' does not contain scientificName, specificEpithet or vernacularName; add one in braces
error-templates-none = the file contains no prompt template; write one per line, with terms in braces: { $known }
error-templates-not-utf-8 = the file is not in UTF-8; save it in this encoding
error-templates-not-read = the file cannot be read ({ $cause }); check the file and its permissions

error-encoder-without-second-order = the encoder has no second order to weight; omit --first-order
error-encoder-weight-lost = { $block } has weight 0 in this encoder, which cannot be changed afterwards; export the model again

error-no-named-photo = none of the { $photos } photos is readable and has a scientificName or className; use other photos
error-no-captioned-photo = none of the { $photos } photos is readable and has a caption; use other photos
error-split-without-photos = none of the { $photos } photos is readable, in the { $split } split and of a taxon with photos in the training split; use other photos
error-too-few-shots = no taxon in the { $split } split has { $shots } photos in the training split; use fewer --shots
error-only-one-taxon = all photos show { $name }; a classifier needs at least two taxa
error-probe-without-scikit-learn = a linear probe needs scikit-learn, which is not installed; run pip install 'dalip[train]'
