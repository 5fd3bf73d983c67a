package server

import (
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
)

// recoverPanics confines a panic to its request: the connection is cut. net/http
// would write the stack to standard error; here it is logged.
func recoverPanics(log *slog.Logger) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			defer func() {
				v := recover()
				if v == nil {
					return
				}
				if err, ok := v.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
					log.Error("panic", "method", req.Method, "path", req.URL.Path, "panic", v, "stack", string(debug.Stack()))
				}
				panic(http.ErrAbortHandler)
			}()
			next.ServeHTTP(w, req)
		})
	}
}
