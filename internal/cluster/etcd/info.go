package etcd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/davdisk/davdisk/internal/cluster/replica"
)

// Info implements replica.Store.
func (s *store) Info(ctx context.Context) (replica.Info, error) {
	info := replica.Info{Engine: "etcd"}
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return info, err
	}
	defer done()
	var failed []error
	for _, endpoint := range s.config.Endpoints {
		if s.config.TLS == nil && !loopback(endpoint) {
			info.Unsafe = append(info.Unsafe, fmt.Sprintf("%s is reached without TLS", endpoint))
		}
		if err := s.ask(ctx, endpoint, &info); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", endpoint, err))
		}
	}
	members := 0
	if len(failed) < len(s.config.Endpoints) {
		_, err = s.call(ctx, func(ctx context.Context, client *clientv3.Client) error {
			list, err := client.MemberList(ctx)
			if err == nil {
				members = len(list.Members)
			}
			return err
		})
		failed = append(failed, err)
	}
	if members == 1 || members == 2 {
		info.Unsafe = append(info.Unsafe, fmt.Sprintf("etcd has nodes: %d; with less than three, changes stop when one of them does", members))
	}
	return info, errors.Join(failed...)
}

// ask adds what one node tells.
func (s *store) ask(ctx context.Context, endpoint string, info *replica.Info) error {
	client, err := s.dial(ctx, endpoint)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	answer, err := client.Status(ctx, endpoint)
	if err != nil {
		return err
	}
	info.Engine = "etcd " + answer.Version
	info.Bytes = max(info.Bytes, answer.DbSize)
	for _, problem := range answer.Errors {
		info.Unsafe = append(info.Unsafe, fmt.Sprintf("%s tells: %s", endpoint, problem))
	}
	return nil
}

// loopback reports whether an endpoint is on this machine.
func loopback(endpoint string) bool {
	if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
		endpoint = u.Host
	}
	host, _, err := net.SplitHostPort(endpoint)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
