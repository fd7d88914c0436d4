// SPDX-License-Identifier: Apache-2.0
// The platform this code runs on. Bundles for browsers have browser.ts in place of this file (build/bundle.mjs).
export { platform } from './node.ts'
export type { FileReader, Platform, Port, Thread } from './platform.ts'
