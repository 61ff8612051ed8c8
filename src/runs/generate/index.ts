/**
 * The side of a server, a door of its own: it is started every few minutes, and needs nothing of what a client needs.
 *
 * Promises: what is not changed is not read; whoever kills it leaves the root that was, or a new one; two at once take turns.
 */
export { type Generated, type GenerateOptions, ManifestGenerator, type ManifestGeneratorOptions } from './generator.ts'
export { type Manifest, type ManifestExperiment, type ManifestFile, ManifestType } from './manifest.ts'
export { timerName, timerUnits } from './timer.ts'
export { keepLooking } from './watch.ts'
