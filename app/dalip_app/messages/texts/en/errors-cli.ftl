### What is wrong with what a command was asked, and with what it writes.

error-split-empty = none of the { $photos } photos is in the split { $split }; try --split all
error-picture-not-written = the picture cannot be written ({ $cause }); name another folder with --explain
error-flora-in-the-way = the folder holds another flora; name it among those to merge, or name another folder
