// Package rules holds the tests of what no single package can promise alone,
// such as a page of docs that shows the files of another folder.
package rules
