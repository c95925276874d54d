/** Fold text for matching: compatibility forms (NFKC), lower case, accents off. "Ｃafé" and "cafe" meet. */
export function foldText(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .normalize('NFD')
    .replace(/\p{Mn}+/gu, '')
    .normalize('NFC')
}
