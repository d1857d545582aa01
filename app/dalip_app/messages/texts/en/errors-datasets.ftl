### What is wrong with records, shards, tables and names of taxa.

error-no-name = a taxon needs a scientific name; { $medium ->
    [page] write it first
   *[command] every row needs one in the column scientificName
}
error-record-photos = the record has { $number ->
    [0] no photo
   *[other] { $number } photos
}; one is needed
error-record-text = the text beside the photo cannot be read ({ $cause }); correct it
error-shard-damaged = this is not a whole, readable shard ({ $cause }); get it again
error-shard-too-large = the shard is too large: photos after the first { $photos } are not read; split it
error-shard-without-texts = { $photos } photos have neither a scientificName nor a caption
error-stream-no-photo = the last shards hold no photo with a text, of the split train
