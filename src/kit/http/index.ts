/**
 * HTTP for whoever asks another server: package indexes, forges, registries. Over Node's own client, with connections kept.
 *
 * Promises: what fails for now is tried again where that is safe, and Retry-After is waited out and told; a download that breaks off goes on
 * where the server can; a credential goes to its own origin alone, and never into a message; no answer is larger than a stated limit.
 * Never does: follow from https to http; repeat what may have had an effect; read the environment.
 */
export { basicCredential, type Credential, parseHttpUrl } from './address.ts'
export { createHttp, type HttpAnswer, type HttpClient, type HttpOptions, type HttpPage, type HttpRequest } from './client.ts'
export { retryAfterOf } from './retry-after.ts'
