### Errors of single commands: their options and the files that they write.

error-split-empty = none of the { $photos } photos is in the { $split } split; try --split all
error-picture-not-written = the picture cannot be written ({ $cause }); choose another folder with --explain
error-flora-in-the-way = the folder already contains a flora; add it to the floras to merge, or choose another folder
