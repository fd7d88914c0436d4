// SPDX-License-Identifier: Apache-2.0
// The engine's worker: the entry of dist/worker.js.
import { platform } from '../platform/index.ts'
import { openLocal } from './open.ts'
import { serve } from './remote.ts'

const port = platform.parent()
if (port) serve(port, openLocal)
