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
error-folder-without-photos = ce dossier ne contient aucune photo ; formats lus : { $endings }
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
# À ajouter à texts/fr/errors.ftl après la fusion
# Carnet
error-verdict-unknown = { $verdict } n’est pas un verdict ; utilisez l’un de { $known }
error-place-by-half = un lieu demande une latitude et une longitude ; donnez les deux ou aucune
error-no-place = { $latitude }, { $longitude } n’est pas un lieu sur Terre ; donnez des degrés nord et est
error-no-probability = { $number } n’est pas une probabilité ; donnez un nombre de 0 à 1
error-journal-form = le nom ne se termine ni par .zip, ni par .csv, ni par .json, qui disent la forme d’un carnet ; choisissez-en un
error-journal-not-json = ce ne sont pas des lignes d’un export : { $cause }
error-journal-member-missing = l’archive ne contient pas { $name }
error-journal-member-damaged = ce fichier ne peut être lu dans l’archive ({ $cause })
error-journal-member-too-large = ce fichier a plus de { $most } octets
error-journal-photo-no-jpeg = la photo n’est pas un JPEG
error-journal-field-missing = le champ { $field } manque
error-journal-field-no-text = { $field } vaut { $value }, qui n’est pas un texte
error-journal-field-no-number = { $field } vaut { $value }, qui n’est pas un nombre
error-journal-remarks = identificationRemarks n’est pas ce que DALIP y écrit : { $cause }

# Fichiers
error-journal-not-written = ce fichier ne peut être écrit ({ $cause }) ; indiquez un autre fichier
error-link-to-nothing = c’est un lien vers un fichier qui n’existe pas ; rétablissez le fichier ou supprimez le lien
error-link-to-folder = c’est un lien vers un dossier, qui n’est pas suivi ; copiez le dossier
error-library-busy = un autre processus déplace la photothèque vers un autre encodeur ; attendez qu’il ait fini
error-data-folder-not-made = ce dossier ne peut être créé ({ $cause }) ; utilisez un autre --data-dir
error-database-newer = ce fichier est de la version { $version }, ce DALIP connaît la { $known } ; mettez DALIP à jour
error-database-not-used = ce fichier ne peut être utilisé ({ $cause }) ; le disque est-il plein ou en lecture seule ?
error-database-not-copied = ce fichier doit être changé pour ce DALIP, et sa copie ne peut être gardée avant ({ $cause }) ; le disque est-il plein ou en lecture seule ?
error-database-damaged = ce fichier est endommagé ({ $cause }) ; { $holds ->
    [journal] déplacez-le et importez votre dernier export
   *[library] supprimez-le et ajoutez à nouveau vos dossiers
}

# Flore
error-flora-busy = un autre processus change cette flore ; attendez qu’il ait fini
error-flora-not-written = la flore ne peut être écrite ({ $cause }) ; libérez de la place sur le disque, ou indiquez un autre dossier
error-photos-not-kept = la flore ne garde pas ses photos, qu’il faut pour ce changement ; reconstruisez-la, ou apprenez-lui des plantes qui lui manquent
error-taxon-not-held = la flore ne la contient pas ; cherchez-la dans la liste
error-taxon-held-as = la flore la contient sous le nom { $held } ; écrivez-le ainsi
error-taxon-not-taught = la flore ne la contient pas ; elle a appris { $number ->
    [0] aucune plante
   *[other] { $taught }
}
error-name-malformed = { $name } n’est pas un nom scientifique : il a { $length } caractères, ou certains qui ne peuvent être imprimés ; écrivez-le avec { $most } au plus
error-name-too-long = le nom { $name }… a { $length } caractères, plus qu’aucun nom ; écrivez-le avec { $most } au plus
error-name-unprintable = le nom { $name } contient des caractères de contrôle ; tapez-le à nouveau
error-rank-unknown = rang inconnu { $rank } ; utilisez l’un de { $ranks }
error-photo-not-read = cette photo est illisible ({ $cause }) ; vérifiez le fichier et ses droits d’accès
