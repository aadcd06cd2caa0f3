package kafkaaudit

import (
	"context"
	"net"
)

// Dial is how a sink with such options reaches a broker.
func Dial(ctx context.Context, o *Options, address string) (net.Conn, error) {
	return dialer(o)(ctx, "tcp", address)
}

// Record is what a line is sent as.
var Record = record
