import { pluginConformance } from '@silane/testkit'
import mosaicbert from '../src/index.ts'

pluginConformance(mosaicbert, { root: new URL('..', import.meta.url) })
