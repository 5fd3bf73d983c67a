// Package server wraps a handler that is reached over a network: users and
// their passwords, limits, deadlines, the access check, the access log. Each is
// an ordinary func(http.Handler) http.Handler in a file of its own; [New]
// chains them around any handler.
//
//	dav, err := webdav.NewHandler(fs, webdav.WithState(dir))
//	if err != nil { … }
//	defer dav.Close()
//	handler, err := server.New(dav, server.WithUsers(users...))
//	if err != nil { … }
//	http.ListenAndServe("127.0.0.1:8080", handler)
//
// The handler gets the user as the [webdav.Principal] in the context of the
// request, and in no other way.
package server
