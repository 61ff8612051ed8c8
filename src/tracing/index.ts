/**
 * Traces for a collector of OpenTelemetry, where the standard's environment variables name one.
 *
 * Promises: without them nothing is loaded and nothing costs; a collector that is slow, away or refuses never fails a command, and holds
 * one up for at most a second at its end; what could not be sent is dropped beyond a bounded queue, and said once; attributes carry no secrets.
 * Never does: read the environment by itself, patch anybody's modules, or send anything but spans.
 */
export { openTracing } from './open.ts'
