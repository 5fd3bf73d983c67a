package emulator

// kinds returns the types of files by extension. Types are those of the public
// documentation: audio backup book compressed data development diskimage
// document encoded executable flash font image settings spreadsheet text
// unknown video web.
func kinds() map[string]kind {
	const office = "application/vnd.openxmlformats-officedocument."
	return map[string]kind{
		".mp3": {"audio/mpeg", "audio"}, ".flac": {"audio/flac", "audio"}, ".ogg": {"audio/ogg", "audio"}, ".wav": {"audio/x-wav", "audio"}, ".m4a": {"audio/mp4", "audio"},
		".bak": {"application/octet-stream", "backup"},
		".fb2": {"text/xml", "book"}, ".epub": {"application/epub+zip", "book"}, ".djvu": {"image/vnd.djvu", "book"},
		".zip": {"application/zip", "compressed"}, ".rar": {"application/x-rar", "compressed"}, ".7z": {"application/x-7z-compressed", "compressed"},
		".gz": {"application/gzip", "compressed"}, ".tgz": {"application/gzip", "compressed"}, ".tar": {"application/x-tar", "compressed"}, ".bz2": {"application/x-bzip2", "compressed"}, ".xz": {"application/x-xz", "compressed"},
		".bin": {"application/octet-stream", "data"}, ".dat": {"application/octet-stream", "data"}, ".db": {"application/octet-stream", "data"}, ".kdbx": {"application/octet-stream", "data"}, ".json": {"application/json", "data"},
		".c": {"text/x-c", "development"}, ".go": {"text/plain", "development"}, ".py": {"text/x-python", "development"}, ".java": {"text/x-java", "development"}, ".js": {"text/javascript", "development"},
		".iso": {"application/x-iso9660-image", "diskimage"}, ".dmg": {"application/x-apple-diskimage", "diskimage"}, ".img": {"application/octet-stream", "diskimage"},
		".txt": {"text/plain", "document"}, ".pdf": {"application/pdf", "document"}, ".doc": {"application/msword", "document"}, ".docx": {office + "wordprocessingml.document", "document"},
		".odt": {"application/vnd.oasis.opendocument.text", "document"}, ".rtf": {"application/rtf", "document"}, ".ppt": {"application/vnd.ms-powerpoint", "document"}, ".pptx": {office + "presentationml.presentation", "document"},
		".p7s": {"application/pkcs7-signature", "encoded"}, ".pem": {"application/x-pem-file", "encoded"},
		".exe": {"application/x-dosexec", "executable"}, ".msi": {"application/x-msi", "executable"}, ".apk": {"application/vnd.android.package-archive", "executable"},
		".swf": {"application/x-shockwave-flash", "flash"},
		".ttf": {"font/ttf", "font"}, ".otf": {"font/otf", "font"}, ".woff": {"font/woff", "font"},
		".jpg": {"image/jpeg", "image"}, ".jpeg": {"image/jpeg", "image"}, ".png": {"image/png", "image"}, ".gif": {"image/gif", "image"}, ".webp": {"image/webp", "image"}, ".heic": {"image/heic", "image"}, ".bmp": {"image/bmp", "image"}, ".tiff": {"image/tiff", "image"}, ".svg": {"image/svg+xml", "image"},
		".ini": {"text/plain", "settings"}, ".conf": {"text/plain", "settings"}, ".cfg": {"text/plain", "settings"},
		".xls": {"application/vnd.ms-excel", "spreadsheet"}, ".xlsx": {office + "spreadsheetml.sheet", "spreadsheet"}, ".ods": {"application/vnd.oasis.opendocument.spreadsheet", "spreadsheet"}, ".csv": {"text/csv", "spreadsheet"},
		".vb": {"text/plain", "text"}, ".md": {"text/plain", "text"}, ".log": {"text/plain", "text"}, ".xml": {"text/xml", "text"},
		".mp4": {"video/mp4", "video"}, ".mkv": {"video/x-matroska", "video"}, ".avi": {"video/x-msvideo", "video"}, ".mov": {"video/quicktime", "video"}, ".webm": {"video/webm", "video"},
		".html": {"text/html", "web"}, ".htm": {"text/html", "web"}, ".css": {"text/css", "web"},
	}
}

// mediaTypes returns the values of the media_type parameter.
func mediaTypes() []string {
	return []string{"audio", "backup", "book", "compressed", "data", "development", "diskimage", "document", "encoded", "executable",
		"flash", "font", "image", "settings", "spreadsheet", "text", "unknown", "video", "web"}
}
