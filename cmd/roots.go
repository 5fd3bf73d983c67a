package cmd

// Where the system has no root certificates, as in a container image that holds
// davdisk alone, crypto/x509 takes those of Mozilla.
import _ "golang.org/x/crypto/x509roots/fallback"
