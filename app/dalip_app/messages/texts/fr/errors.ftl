### Erreurs : des phrases sans majuscule ni point, affichées seules ou après ce dont il s’agit. Ce sont celles que la page
### montre ; les autres s’affichent en anglais.

# Photos
error-image-empty = ce fichier est vide ; copiez-le ou téléchargez-le à nouveau
error-image-too-large = cette photo fait { $width } x { $height } pixels, plus que la limite de { $million } millions ; réduisez-la
error-image-unknown = ce fichier n’est pas une image dans un format pris en charge ; utilisez { $readable }
error-image-unsupported = la version installée de Pillow ne lit pas ce format d’image ({ $plugin }) ; mettez Pillow à jour
error-image-damaged = ce fichier est endommagé ou tronqué ; copiez-le ou téléchargez-le à nouveau
error-image-memory = il n’y a pas assez de mémoire pour cette photo ; réduisez-la
error-image-mode = le mode de couleurs { $mode } n’est pas pris en charge ; enregistrez la photo en RVB
error-image-no-pixels = une image de { $width } x { $height } n’a aucun pixel ; utilisez-en une autre
error-image-missing = ce fichier n’existe pas ; vérifiez le chemin
error-image-folder = c’est un dossier, pas une photo ; choisissez un fichier qu’il contient
error-image-pipe = c’est un tube ou un périphérique, pas un fichier ; enregistrez d’abord la photo dans un fichier
error-image-not-opened = impossible d’ouvrir ce fichier ({ $cause }) ; vérifiez son chemin et ses autorisations
error-image-not-read = impossible de lire cette photo ({ $cause })
error-photo-not-read = impossible de lire cette photo ({ $cause }) ; vérifiez le fichier et ses autorisations
error-upload-number = choisissez de 1 à { $most } photos
error-upload-gone = la photo n’est plus disponible ; choisissez-la à nouveau

# Photothèque
error-library-empty = la photothèque est vide ; ajoutez un dossier de photos ci-dessous
error-library-other-encoder = la photothèque a été créée avec un autre encodeur ; ajoutez ou actualisez l’un de ses dossiers
error-library-busy = un autre processus adapte la photothèque à un autre encodeur ; attendez qu’il ait terminé
error-no-words = la recherche est vide ; décrivez ce que montrent les photos
error-no-folder = ce dossier n’existe pas ; choisissez un dossier de photos
error-folder-without-photos = ce dossier ne contient aucune photo ; extensions recherchées : { $endings }
error-folder-unknown = ce dossier ne fait pas partie de la photothèque ; consultez la liste des dossiers
error-folder-inside = ce dossier se trouve dans { $above }, qui fait aussi partie de la photothèque ; retirez d’abord ce dernier
error-folder-not-listed = impossible de lire le contenu de ce dossier ({ $cause }) ; vérifiez ses autorisations
error-folder-absent = ce dossier est introuvable ; ses photos restent dans la photothèque jusqu’à ce que vous le retiriez
error-name-not-utf8 = le nom du fichier n’est pas en UTF-8 valide ; renommez le fichier
error-file-not-read = impossible de lire ce fichier ({ $cause }) ; vérifiez ses autorisations
error-no-day = { $date } n’est pas une date ; utilisez la forme 2024-05-31, 2024-05 ou 2024
error-day-order = le premier jour, { $since }, vient après le dernier, { $until } ; inversez-les
error-unexpected-error = une erreur inattendue s’est produite : { $name } ({ $cause }) ; merci de la signaler

# Flore
error-no-name = un taxon doit avoir un nom scientifique ; saisissez-le d’abord
error-name-malformed = { $name } n’est pas un nom scientifique valide : il compte { $length } caractères ou en contient qui ne sont pas imprimables ; utilisez au plus { $most } caractères imprimables
error-name-too-long = le nom { $name }… compte { $length } caractères, trop pour un nom ; utilisez-en au plus { $most }
error-name-unprintable = le nom { $name } contient des caractères de contrôle ; saisissez-le à nouveau
error-rank-unknown = le rang { $rank } est inconnu ; utilisez l’un des suivants : { $ranks }
error-contradiction = { $rank ->
    [genus] le genre
    [family] la famille
   *[other] le taxon
} { $name } est dans { $one } selon { $plant }, mais dans { $other } selon { $given } ; corrigez l’une de ces deux indications
error-known-already = la flore contient déjà { $plant } ; si vous lui avez appris cette plante, utilisez d’abord « Oublier cette plante »
error-not-taught = la flore n’a appris aucune plante de ce nom : { $plant }
error-taxon-not-held = la flore ne contient pas ce taxon ; cherchez-le dans la liste des plantes
error-taxon-held-as = la flore le contient sous le nom { $held } ; utilisez ce nom
error-taxon-not-taught = la flore ne contient pas ce taxon ; plantes apprises : { $number ->
    [0] aucune
   *[other] { $taught }
}
error-no-photo-readable = aucune des photos de { $plant } n’est lisible ; choisissez-en au moins une qui le soit
error-kept-photo-damaged = impossible de lire la copie conservée ({ $cause }) ; retirez-la avec `dalip index remove --photo { $key }`
error-photo-kept-under-other-name = c’est la même photo que { $other }, conservée sous le nom { $plant }, et non { $given } ; retirez d’abord la photo conservée avec `dalip index remove --flora { $flora } --photo { $key }`
error-photos-not-kept = la flore ne conserve pas ses photos, nécessaires à cette modification ; reconstruisez-la, ou apprenez-lui de nouvelles plantes
error-flora-busy = un autre processus modifie cette flore ; attendez qu’il ait terminé
error-flora-not-written = impossible d’écrire la flore ({ $cause }) ; libérez de l’espace disque, ou choisissez un autre dossier

# Carnet
error-observation-gone = cette observation n’existe plus
error-visit-full = cette visite a enregistré tout ce qu’elle peut ; exportez le carnet et supprimez des observations
error-no-journal = il n’y a pas encore de carnet ; enregistrez d’abord une réponse
error-verdict-unknown = { $verdict } n’est pas un verdict ; utilisez l’un des suivants : { $known }
error-place-by-half = un lieu demande à la fois une latitude et une longitude ; indiquez les deux ou aucune
error-no-place = { $latitude }, { $longitude } n’est pas un lieu sur Terre ; indiquez la latitude et la longitude en degrés nord et est
error-no-probability = { $number } n’est pas une probabilité ; indiquez un nombre de 0 à 1
error-no-date = { $date } n’est pas une date ; utilisez la forme 2026-05-31 ou 2026-05-31T14:30
error-no-journal-file = impossible de lire ce fichier comme un carnet ({ $cause }) ; choisissez un fichier .zip, .csv ou .json exporté d’un carnet
error-journal-form = le nom d’un fichier de carnet doit se terminer par .zip, .csv ou .json ; utilisez l’une de ces extensions
error-journal-not-written = impossible d’écrire ce fichier ({ $cause }) ; choisissez un autre fichier
error-journal-not-json = ce n’est pas le JSON d’un carnet exporté : { $cause }
error-journal-member-missing = l’archive ne contient pas { $name }
error-journal-member-damaged = impossible d’extraire ce fichier de l’archive ({ $cause })
error-journal-member-too-large = ce fichier dépasse { $most } octets
error-journal-photo-no-jpeg = la photo n’est pas un fichier JPEG
error-journal-field-missing = le champ { $field } est absent
error-journal-field-no-text = { $field } vaut { $value }, qui n’est pas une chaîne de caractères
error-journal-field-no-number = { $field } vaut { $value }, qui n’est pas un nombre
error-journal-remarks = identificationRemarks n’a pas le contenu que DALIP y écrit : { $cause }

# Fichiers
error-link-to-nothing = ce lien est rompu : le fichier vers lequel il pointe n’existe pas ; rétablissez le fichier ou supprimez le lien
error-link-to-folder = c’est un lien vers un dossier, et ces liens ne sont pas suivis ; copiez le dossier ici
error-data-folder-not-made = impossible de créer ce dossier ({ $cause }) ; utilisez un autre --data-dir
error-database-newer = la base de données est en version { NUMBER($version, useGrouping: 0) }, mais cette version de DALIP n’accepte que les versions jusqu’à { NUMBER($known, useGrouping: 0) } ; mettez DALIP à jour
error-database-not-used = impossible d’utiliser la base de données ({ $cause }) ; vérifiez que le disque n’est ni plein ni en lecture seule
error-database-not-copied = la base de données doit être mise à niveau pour cette version de DALIP, mais impossible d’écrire d’abord cette copie de sauvegarde ({ $cause }) ; vérifiez que le disque n’est ni plein ni en lecture seule
error-database-damaged = la base de données est endommagée ({ $cause }) ; { $holds ->
    [journal] déplacez le fichier et importez votre dernier export
   *[library] supprimez le fichier et ajoutez à nouveau vos dossiers
}
