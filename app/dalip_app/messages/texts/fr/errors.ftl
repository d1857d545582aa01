### Ce qui ne va pas : des phrases sans majuscule ni point, dites seules ou après ce dont il s’agit.

error-image-empty = ce fichier est vide ; copiez-le ou téléchargez-le à nouveau
error-image-too-large = ce fichier a { $width } x { $height } pixels, plus de { $million } millions ; réduisez-le
error-image-unknown = ce fichier n’est pas une image lisible ; utilisez { $readable }
error-image-damaged = ce fichier est endommagé ou tronqué ; copiez-le ou téléchargez-le à nouveau
error-upload-number = choisissez de une à { $most } photos
error-upload-gone = la photo n’est plus là ; choisissez-la à nouveau
error-library-empty = la photothèque est vide ; ajoutez un dossier de photos ci-dessous
error-library-other-encoder = la photothèque a été faite avec un autre encodeur ; actualisez l’un de ses dossiers
error-no-words = rien à chercher ; dites avec des mots ce que montrent les photos
error-no-folder = ce dossier n’existe pas ; indiquez un dossier de photos
error-no-photos = aucune photo ; indiquez un dossier de photos
error-folder-unknown = ce n’est plus un dossier de votre photothèque
error-folder-inside = se trouve dans { $above }, qui est aussi dans votre photothèque ; oubliez celui-là
error-no-day = { $date } n’est pas une date ; écrivez 2024-05-31, 2024-05 ou 2024
error-no-name = une plante a besoin d’un nom scientifique ; écrivez-le d’abord
error-contradiction = { $name } est dans { $one } d’après { $plant }, et dans { $other } d’après la nouvelle ; corrigez-en une
error-known-already = { $plant } : la flore la connaît déjà ; si elle l’a apprise, faites-lui d’abord oublier ce nom
error-no-photo-readable = { $plant } : aucune de ses photos n’est lisible ; choisissez-en au moins une qui le soit
error-observation-gone = cette observation n’existe plus
error-no-journal = il n’y a pas encore de carnet ; gardez d’abord une réponse
error-day-order = il n’y a aucun jour de { $since } à { $until } ; inversez-les
error-no-date = { $date } n’est pas une date ; écrivez 2026-05-31 ou 2026-05-31T14:30
error-no-journal-file = ce fichier n’est pas un carnet ; choisissez-en un en .zip, .csv ou .json
