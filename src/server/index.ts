/**
 * Listens on a port and carries requests to a handler and its responses back.
 *
 * Promises: loopback unless told otherwise; bodies stream as fast as the client reads; a client that goes away ends the
 * work for it; slow and greedy clients meet limits; the end lets what is under way finish, within a limit.
 * Never does: know what is served; start on import; show a visitor what went wrong inside.
 */
export { listen, type Listening, type ListenOptions } from './listen.ts'
