package server

import (
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
)

// recoverPanics keeps a fault in one request from the others: the connection
// is cut. net/http would write the stack to the process's standard error; here
// it goes to the log.
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
