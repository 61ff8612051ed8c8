/**
 * Listens on a port and answers: the API, release downloads, Python indexes, metrics and health.
 *
 * Promises: loopback unless told otherwise; bodies stream as fast as the client reads, and break off where a byte is wrong; a client
 * that goes away ends the work for it; slow and greedy clients meet limits; nothing is changed without a token whose scope says so.
 * Never does: start on import; add logic of a capability; show a visitor what went wrong inside.
 */
export { type AppOptions, createApp } from './app.ts'
export { openDashboard } from './dashboard.ts'
export { listen, type Listening, type ListenOptions, type TlsFiles } from './listen.ts'
export { answeredNames, forNames } from './names.ts'
export { openapiOf } from './openapi.ts'
export { allRoutes } from './routes/index.ts'
export { isScope, scopes } from './scopes.ts'
export type { Served } from './served.ts'
export { openServerState, type ServerState } from './state/open.ts'
export type { Token } from './state/tokens.ts'
export type { Access } from './watch.ts'
