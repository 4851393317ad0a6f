import { pluginConformance } from '@silane/testkit'
import perceiver from '../src/index.ts'

pluginConformance(perceiver, { root: new URL('..', import.meta.url) })
