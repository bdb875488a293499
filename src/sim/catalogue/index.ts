export type { CatalogueImage, ImageLookup } from './catalogue.ts';
export { lookUpImage, programFile, unpackPrograms } from './catalogue.ts';
