// Package httpclient has what drivers of stores that speak HTTP share: uploads
// that are complete only if their source is, transfers that end when they make
// no progress, Retry-After, and texts of errors that may be shown.
package httpclient
