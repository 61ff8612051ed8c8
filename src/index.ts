/**
 * The front of the library: faults and the configuration. The rooms are imported by name: holdfast/store, holdfast/releases, …
 */
export { explain, Fault, type FaultCode, faultCodes, isFault } from './kit/index.ts'
export {
  type Config,
  type ConfigOverride,
  type ConfigQuery,
  configTemplate,
  loadConfig,
  type ReleaseConfig,
  type S3Config,
  type StoreConfig,
} from './config/index.ts'
