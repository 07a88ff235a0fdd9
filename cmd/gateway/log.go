package main

import (
	"io"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"vertexgateway/config"
)

// newLog writes to w as a valid configuration says.
func newLog(c config.Log, w io.Writer) *zap.Logger {
	level, err := zapcore.ParseLevel(c.Level)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return zap.New(zapcore.NewCore(newEncoder(c.Format), zapcore.Lock(zapcore.AddSync(w)), level))
}

func newEncoder(format string) zapcore.Encoder {
	if format == "console" {
		e := zap.NewDevelopmentEncoderConfig()
		e.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		return zapcore.NewConsoleEncoder(e)
	}
	e := zap.NewProductionEncoderConfig()
	e.TimeKey, e.EncodeTime = "time", zapcore.RFC3339NanoTimeEncoder
	return zapcore.NewJSONEncoder(e)
}
