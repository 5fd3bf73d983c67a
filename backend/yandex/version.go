package yandex

// VersionOf implements backend.Versioner.
func (b *Backend) VersionOf(sha256 string) string { return shortened(sha256) }
