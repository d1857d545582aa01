### Errors of regions: files with distributions and occurrence records, and the regions that answers are for.

error-region-file-unknown = this file has neither the columns of wcvp_distribution.csv nor those of occurrence records (decimalLatitude, decimalLongitude, and species or scientificName); its columns are { $found }
error-region-file-missing = no such file; check the path
error-region-names-missing = the names of the taxa are missing; put wcvp_names.csv next to this file, or specify it with --names
error-region-file-empty = the file has no row that can be used; nothing was changed
error-region-row-without-area = the row has no code of an area{ $more ->
    [0] {""}
    [one] {""}, nor does another row
   *[other] {""}, nor do { $more } other rows
}
error-region-plant-unknown = no name has the identifier { $plant }{ $more ->
    [0] {""}
    [one] {""}, and the same is true of another row
   *[other] {""}, and the same is true of { $more } other rows
}; use the names and the distribution of the same release
error-record-coordinates = '{ $given }' are no coordinates{ $more ->
    [0] {""}
    [one] {""}, and another row has none either
   *[other] {""}, and { $more } other rows have none either
}
error-record-name-missing = the record has no scientific name{ $more ->
    [0] {""}
    [one] {""}, nor does another row
   *[other] {""}, nor do { $more } other rows
}
error-region-source-unknown = no file with this name was added{ $number ->
    [0] {""}
   *[other] ; there are: { $held }
}
error-regions-missing = no distributions were added yet; download wcvp_distribution.csv and wcvp_names.csv from Kew, and add them with `dalip region add wcvp_distribution.csv`
error-region-unknown = no area has this name or code{ $alternatives ->
    [0] ; list them with `dalip region list`
   *[other] ; did you mean { $alike }?
}
error-records-missing = no occurrence records were added yet; download the plants of your region from GBIF, and add them with `dalip region add FILE`
error-records-none-near = there are no occurrence records here; increase --radius, check that the latitude comes first, or add records of this region with `dalip region add FILE`
error-region-without-taxa = none of its { $number } taxa { $elsewhere ->
    [0] is in the flora; use another region or flora
   *[other] is among those of --only; use another region, or other values of --only
}
