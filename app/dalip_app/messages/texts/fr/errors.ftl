### Ce qui ne va pas : des phrases sans majuscule ni point, dites seules ou après ce dont il s’agit. Ce sont celles que la
### page montre ; les autres se disent en anglais.

# Photos
error-image-empty = ce fichier est vide ; copiez-le ou téléchargez-le à nouveau
error-image-too-large = cette photo a { $width } x { $height } pixels, plus de { $million } millions ; réduisez-la
error-image-unknown = ce fichier n’est pas une image lisible ; utilisez { $readable }
error-image-unsupported = ce Pillow ne lit pas les images de ce type ({ $plugin }) ; mettez à jour pillow
error-image-damaged = ce fichier est endommagé ou tronqué ; copiez-le ou téléchargez-le à nouveau
error-image-memory = cette photo demande plus de mémoire qu’il n’y en a ; réduisez-la
error-image-mode = cette photo a des couleurs du type { $mode } ; enregistrez-la en RVB
error-image-no-pixels = une image de { $width } x { $height } n’a aucun pixel ; utilisez-en une autre
error-image-missing = ce fichier n’existe pas ; vérifiez le chemin
error-image-folder = c’est un dossier, pas une photo ; indiquez un fichier qu’il contient
error-image-pipe = c’est un tube ou un périphérique, pas un fichier ; enregistrez d’abord la photo dans un fichier
error-image-not-opened = ce fichier ne s’ouvre pas ({ $cause }) ; vérifiez son chemin et ses droits d’accès
error-image-not-read = cette photo est illisible ({ $cause })
error-upload-number = choisissez de une à { $most } photos
error-upload-gone = la photo n’est plus là ; choisissez-la à nouveau

# Photothèque
error-library-empty = la photothèque est vide ; ajoutez un dossier de photos ci-dessous
error-library-other-encoder = la photothèque a été faite avec un autre encodeur ; actualisez l’un de ses dossiers
error-no-words = rien à chercher ; dites avec des mots ce que montrent les photos
error-no-folder = ce dossier n’existe pas ; indiquez un dossier de photos
error-no-photos = ce dossier ne contient aucune photo ; indiquez un dossier de photos
error-folder-unknown = ce n’est pas un dossier de votre photothèque ; regardez la liste des dossiers
error-folder-inside = ce dossier se trouve dans { $above }, qui est aussi dans votre photothèque ; oubliez celui-là
error-folder-not-listed = le contenu de ce dossier ne peut être lu ({ $cause }) ; autorisez-le
error-folder-absent = ce dossier n’est pas là ; ses photos restent dans la photothèque jusqu’à ce que vous l’oubliiez
error-name-not-utf8 = ce nom n’est pas en UTF-8 ; renommez le fichier
error-file-not-read = ce fichier est illisible ({ $cause }) ; vérifiez ses droits d’accès
error-no-day = { $date } n’est pas une date ; écrivez 2024-05-31, 2024-05 ou 2024
error-day-order = il n’y a aucun jour de { $since } à { $until } ; inversez-les
error-unexpected-error = une erreur imprévue, { $name } ({ $cause }) ; signalez-la, s’il vous plaît

# Flore
error-no-name = une plante a besoin d’un nom scientifique ; écrivez-le d’abord
error-contradiction = { $rank ->
    [genus] le genre
    [family] la famille
   *[other] le taxon
} { $name } est dans { $one } d’après { $plant }, et dans { $other } d’après { $given } ; corrigez l’une des deux
error-known-already = la flore connaît déjà { $plant } ; si elle l’a appris, faites-lui d’abord oublier ce nom
error-not-taught = la flore n’a appris aucune plante de ce nom : { $plant }
error-no-photo-readable = aucune des photos de { $plant } n’est lisible ; choisissez-en au moins une qui le soit
error-kept-photo-damaged = la copie gardée est illisible ({ $cause }) ; retirez-la avec `dalip index remove --photo { $key }`
error-photo-kept-under-other-name = c’est la même photo que { $other }, qui montre { $plant }, et non { $given } ; retirez d’abord celle qui est gardée, avec `dalip index remove --flora { $flora } --photo { $key }`

# Carnet
error-observation-gone = cette observation n’existe plus
error-no-journal = il n’y a pas encore de carnet ; gardez d’abord une réponse
error-no-date = { $date } n’est pas une date ; écrivez 2026-05-31 ou 2026-05-31T14:30
error-no-journal-file = ce fichier n’est pas un carnet ({ $cause }) ; choisissez-en un en .zip, .csv ou .json
