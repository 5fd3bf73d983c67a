// Package server has what stands around a handler that people reach over a
// network: users and their passwords, limits, deadlines, the access check, the
// access log. Each is an ordinary func(http.Handler) http.Handler in a file of
// its own; [New] joins them around any handler.
//
//	dav, err := webdav.NewHandler(fs, webdav.WithState(dir))
//	if err != nil { … }
//	defer dav.Close()
//	handler, err := server.New(dav, server.WithUsers(users...))
//	if err != nil { … }
//	http.ListenAndServe("127.0.0.1:8080", handler)
//
// The handler learns of a user by the [webdav.Principal] in the context of the
// request, and by nothing else.
package server
