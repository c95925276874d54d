/**
 * @file The vocabulary of the sample shop: what each department sells, in English here, in Chinese in
 * `departments-zh.ts`. Brands are invented. The generator (`catalogue.ts`) knows no product.
 */
import { CHINESE_KINDS } from './departments-zh.ts'
import { amounts, choice, flag, type Kind, words } from './kind.ts'

const COLOURS = words('black', 'white', 'graphite', 'navy blue', 'forest green', 'sand', 'coral red')
const SOFT_COLOURS = words(
  'cream',
  'sage green',
  'dusty pink',
  'charcoal',
  'sky blue',
  'mustard',
  'terracotta',
)
const NUMBERS = [
  '10',
  '20',
  '25',
  '30',
  '40',
  '50',
  '65',
  '70',
  '80',
  '100',
  '200',
  '300',
  '450',
  '500',
  '600',
]

const AUDIO_BRANDS = ['Norvela', 'Quavio', 'Tindrel', 'Oskelo', 'Zarnika', 'Humbolo']
const COMPUTER_BRANDS = ['Kelvaro', 'Tindrel', 'Mirastel', 'Ostrevo', 'Pyxeline', 'Draumo']
const PRINT_BRANDS = ['Paprisma', 'Inkarova', 'Skrivelo', 'Ostrevo']
const PHONE_BRANDS = ['Casavine', 'Pocketree', 'Lumbrio', 'Shellowe', 'Amperino']
const KITCHEN_BRANDS = ['Fornavel', 'Brewska', 'Casserina', 'Pannoli', 'Tavolind', 'Morvessa']
const LIGHT_BRANDS = ['Lumarro', 'Gloriel', 'Candavo', 'Hellumi', 'Norvela']
const HOME_BRANDS = ['Dormelle', 'Tavolind', 'Linnova', 'Hygglund']
const SPORT_BRANDS = ['Stridella', 'Fjellvar', 'Runavelle', 'Asandra', 'Peakaro']
const CYCLE_BRANDS = ['Velocanto', 'Spokarra', 'Peakaro', 'Derailo']
const BEAUTY_BRANDS = ['Fleurandel', 'Saponelle', 'Dermivia', 'Auralind', 'Mossandra']
const TOY_BRANDS = ['Klotzini', 'Bimbello', 'Wuschelo', 'Spielanto']
const PUBLISHERS = ['Lantern & Quill', 'Harrowgate House', 'Third Gull Press', 'Marlow Field']
const CLOTHES_BRANDS = ['Threadlow', 'Maravine', 'Nordhemd', 'Ostrello', 'Fjellvar']
const PET_BRANDS = ['Pawsley', 'Fellinara', 'Barkandel', 'Schnurro']

type EnglishKind = Omit<Kind, 'language'>

const ELECTRONICS: EnglishKind[] = [
  {
    prefix: 'hph',
    path: ['Electronics', 'Audio', 'Headphones'],
    count: 75,
    brands: AUDIO_BRANDS,
    nouns: ['over-ear headphones', 'on-ear headphones', 'in-ear headphones'],
    model: [['Aria', 'Cadenza', 'Hush', 'Largo', 'Tempo', 'Solo'], NUMBERS],
    title: '{brand} {model} {noun}, {connectivity}, {noiseCancelling}, {colour}',
    price: [25, 160],
    traits: {
      connectivity: [
        choice('Bluetooth', 'wireless Bluetooth', 1.3, 'It pairs with two devices at once over Bluetooth.'),
        choice('3.5 mm jack', 'wired', 0.7, 'The 3.5 mm cable needs no charging.'),
        choice('USB-C', 'USB-C', 0.9, 'The USB-C plug fits phones and laptops without an adapter.'),
      ],
      noiseCancelling: flag(
        'noise cancelling',
        'Active noise cancelling quietens trains, planes and open offices.',
        1.6,
      ),
      microphone: flag('', 'A built-in microphone takes calls.', 1.05),
      colour: COLOURS,
    },
    opening: [
      'Comfortable {noun} in {colour} for music, films and calls.',
      '{Brand} tuned the {model} for a warm, detailed sound.',
      'Light {noun} that you forget you are wearing.',
    ],
    more: [
      'The cushions can be replaced.',
      'Folds flat into the pouch that comes with it.',
      'Clear voices and a firm, never booming bass.',
    ],
  },
  {
    prefix: 'spk',
    path: ['Electronics', 'Audio', 'Bluetooth speakers'],
    count: 75,
    brands: AUDIO_BRANDS,
    nouns: ['Bluetooth speaker', 'portable Bluetooth speaker', 'wireless speaker'],
    model: [['Pebble', 'Thrum', 'Terrace', 'Ripple', 'Chorus', 'Cube'], NUMBERS],
    title: '{brand} {model} {noun}, {power}, {waterproof}, {colour}',
    price: [20, 110],
    traits: {
      power: amounts([5, 10, 20, 30, 60], ' W', 2.4),
      waterproof: flag('waterproof', 'Waterproof to IPX7: it survives rain and a fall into the pool.', 1.25),
      batteryHours: amounts([8, 12, 18, 24], '-hour', 1.3),
      colour: COLOURS,
    },
    opening: [
      'A {noun} with {power} of output and a {batteryHours} battery.',
      'Room-filling sound from a {colour} {noun} small enough for a backpack.',
      'Take the {model} to the kitchen, the garden or the lake.',
    ],
    more: [
      'Two of them pair to a stereo set.',
      'The {batteryHours} battery charges over USB-C.',
      'A loop at the back hangs it on a tent or a bicycle.',
      'With {power} it is loud enough for a party.',
    ],
  },
  {
    prefix: 'lap',
    path: ['Electronics', 'Computers', 'Laptops'],
    count: 60,
    brands: COMPUTER_BRANDS,
    nouns: ['laptop', 'notebook', 'slim laptop'],
    model: [
      ['Brook', 'Scholar', 'Forge', 'Feather', 'Atlas'],
      ['13', '14', '15', '16', '17'],
      ['S', 'X', 'Go', 'Pro', 'Air'],
    ],
    title: '{brand} {model} {noun}, {memoryGb}, {storage}, {colour}',
    price: [380, 900],
    traits: {
      memoryGb: amounts([8, 16, 32], ' GB RAM', 1.8),
      storage: [
        choice('256 GB SSD', '256 GB SSD', 1),
        choice('512 GB SSD', '512 GB SSD', 1.15),
        choice('1 TB SSD', '1 TB SSD', 1.35),
      ],
      batteryHours: amounts([8, 11, 15, 20], ' hours', 1.15),
      touchscreen: flag('', 'The touchscreen also takes a pen.', 1.12),
      colour: words('silver', 'graphite', 'midnight blue', 'rose'),
    },
    opening: [
      'A dependable {noun} for study, office and travel.',
      'Thin {colour} {noun} with {memoryGb} for many open tabs.',
      'The {model} handles photo editing and long video calls without effort.',
    ],
    more: [
      'It runs for up to {batteryHours} on one charge.',
      'The {storage} starts the system in seconds.',
      'Charges through either of its two USB-C ports.',
      'The keyboard is backlit and quiet.',
    ],
  },
  {
    prefix: 'mon',
    path: ['Electronics', 'Computers', 'Monitors'],
    count: 50,
    brands: COMPUTER_BRANDS,
    nouns: ['monitor', 'computer monitor', 'display'],
    model: [['View', 'Canvas', 'Horizon', 'Panorama', 'Glance'], NUMBERS],
    title: '{brand} {model} {sizeInches} {noun}, {resolution}, {refreshHz}',
    price: [95, 190],
    traits: {
      sizeInches: amounts([22, 24, 27, 32, 34], '-inch', 2.2),
      resolution: [
        choice('1920 x 1080', 'Full HD', 1),
        choice('2560 x 1440', 'QHD', 1.3),
        choice('3840 x 2160', '4K', 1.7, 'The 4K panel shows text as sharp as print.'),
      ],
      refreshHz: amounts([60, 75, 100, 144, 165], ' Hz', 1.5),
      heightAdjustable: flag('', 'The stand adjusts in height and turns upright.', 1.1),
    },
    opening: [
      'A {sizeInches} {noun} in {resolution} for work and play.',
      'Two windows side by side fit with ease on this {sizeInches} screen.',
      'Even brightness and natural colours from edge to edge.',
    ],
    more: [
      'At {refreshHz}, scrolling and games stay smooth.',
      'HDMI and DisplayPort cables are in the box.',
      'A matt surface keeps reflections away.',
      'Fits any VESA 100 arm.',
    ],
  },
  {
    prefix: 'key',
    path: ['Electronics', 'Computers', 'Keyboards and mice'],
    count: 45,
    brands: COMPUTER_BRANDS,
    nouns: ['keyboard', 'mechanical keyboard', 'mouse', 'vertical mouse'],
    model: [['Click', 'Type', 'Glide', 'Tap', 'Scroll'], NUMBERS],
    title: '{brand} {model} {noun}, {connectivity}, {colour}',
    price: [14, 75],
    traits: {
      connectivity: [
        choice('wireless', 'wireless', 1.25, 'The wireless receiver stores in the case.'),
        choice('USB', 'wired USB', 0.85, 'The braided USB cable is 1.8 m long.'),
      ],
      backlight: flag('backlit', 'The backlight dims in three steps.', 1.2),
      colour: words('black', 'white', 'grey', 'mint', 'lilac'),
    },
    opening: [
      'A {noun} that stays comfortable through a long day of work.',
      'Quiet {colour} {noun} for the office and the home desk.',
      'Precise, sturdy and simple to clean.',
    ],
    more: [
      'Works with every common system without drivers.',
      'Rubber feet keep it in its place.',
      'Made with 60 % recycled plastic.',
    ],
  },
  {
    prefix: 'prn',
    path: ['Electronics', 'Printing', 'Printers'],
    count: 35,
    brands: PRINT_BRANDS,
    nouns: ['inkjet printer', 'all-in-one printer', 'photo printer'],
    model: [['Page', 'Folio', 'Quire', 'Leaf'], NUMBERS],
    title: '{brand} {model} {noun}, {connectivity}, {duplex}',
    price: [59, 240],
    traits: {
      connectivity: [
        choice('Wi-Fi', 'Wi-Fi', 1.15, 'Print from the phone over Wi-Fi.'),
        choice('USB', 'USB', 0.9),
      ],
      duplex: flag('double-sided', 'It prints on both sides by itself and saves paper.', 1.25),
      pagesPerMinute: amounts([8, 12, 15, 20], ' pages', 1.4),
      colour: words('black', 'white'),
    },
    opening: [
      'A compact {noun} for letters, homework and the odd photo.',
      'The {model} prints {pagesPerMinute} a minute.',
      'Reliable {colour} {noun} for the home office.',
    ],
    more: [
      'Separate ink cartridges mean that only the empty colour is changed.',
      'Set-up takes five minutes.',
      'The paper tray holds 150 sheets.',
    ],
  },
  {
    prefix: 'ink',
    path: ['Electronics', 'Printing', 'Printer ink'],
    count: 60,
    brands: PRINT_BRANDS,
    nouns: ['printer ink cartridge', 'ink cartridge', 'ink refill'],
    model: [['Page', 'Folio', 'Quire', 'Leaf'], NUMBERS.map((number) => `${number} series`)],
    title: '{brand} {noun} for {model}, {colour}, {yield}',
    price: [9, 24],
    traits: {
      colour: [
        choice('black'),
        choice('cyan'),
        choice('magenta'),
        choice('yellow'),
        choice('multipack', 'four-colour multipack', 2.6),
      ],
      yield: amounts([180, 300, 500, 1000], ' pages', 2),
      recycled: flag('', 'The cartridge is refilled, tested and cheaper than new.', 0.7),
    },
    opening: [
      'Original-quality {noun} for {brand} {model} printers.',
      'Lasts for about {yield} of ordinary text.',
      'Smudge-proof ink, {colour}, for documents and photos.',
    ],
    more: [
      'Clicks in without a mess.',
      'The printer shows the remaining level.',
      'Empty cartridges go back free of charge.',
    ],
  },
  {
    prefix: 'cas',
    path: ['Electronics', 'Phones', 'Phone cases'],
    count: 80,
    brands: PHONE_BRANDS,
    nouns: ['phone case', 'phone cover', 'wallet phone case', 'bumper case'],
    model: [
      ['Shield', 'Petal', 'Slim', 'Armour', 'Cloud', 'Second Skin'],
      ['One', 'Duo', 'Plus', 'Lite', 'Max', 'Eco'],
    ],
    title: '{brand} {model} {noun}, {material}, {colour}, {screenInches}',
    price: [7, 24],
    traits: {
      material: [
        choice('silicone', 'silicone', 0.9, 'Soft silicone gives a secure grip.'),
        choice('leather', 'leather', 1.9, 'The leather gets more handsome with age.'),
        choice('recycled plastic', 'recycled plastic', 1.1, 'Made from recycled plastic bottles.'),
        choice('hard plastic', 'hard shell', 0.8, 'The hard shell keeps scratches away.'),
      ],
      screenInches: words('5.8 inch', '6.1 inch', '6.5 inch', '6.7 inch'),
      wirelessCharging: flag('', 'Wireless charging works through the case.', 1.1),
      colour: [...COLOURS, choice('transparent')],
    },
    opening: [
      'A {colour} {noun} for phones with a {screenInches} screen.',
      'Slim protection that keeps the phone easy to hold.',
      'Raised edges guard the camera and the screen.',
    ],
    more: [
      'Tested with falls from two metres.',
      'All buttons and ports stay free.',
      'A slot at the back holds one card.',
    ],
  },
  {
    prefix: 'cbl',
    path: ['Electronics', 'Accessories', 'USB-C cables'],
    count: 50,
    brands: [...PHONE_BRANDS, 'Kelvaro'],
    nouns: ['USB-C cable', 'USB-C charging cable', 'USB-C to USB-C cable'],
    model: [['Link', 'Cord', 'Flow', 'Braid'], NUMBERS],
    title: '{brand} {model} {noun}, {lengthM}, {watts}, {colour}',
    price: [6, 15],
    traits: {
      lengthM: amounts([0.5, 1, 2, 3], ' m', 1.6),
      watts: amounts([60, 100, 240], ' W', 1.5),
      braided: flag('', 'The nylon braid does not tangle.', 1.15),
      colour: words('black', 'white', 'red', 'grey'),
    },
    opening: [
      'A {lengthM} {noun} for laptops, tablets and phones.',
      'Charges with up to {watts} and moves data quickly.',
      'Sturdy {colour} cable with reinforced ends.',
    ],
    more: [
      'Bent 20,000 times in our test and still working.',
      'A strap keeps it rolled up.',
      'Long enough at {lengthM} for desk or sofa.',
    ],
  },
  {
    prefix: 'chg',
    path: ['Electronics', 'Phones', 'Chargers'],
    count: 45,
    brands: PHONE_BRANDS,
    nouns: ['USB-C charger', 'wall charger', 'travel charger'],
    model: [['Volt', 'Spark', 'Surge', 'Refuel'], NUMBERS],
    title: '{brand} {model} {noun}, {watts}, {ports}, {colour}',
    price: [12, 34],
    traits: {
      watts: amounts([15, 20, 30, 45, 65], ' W', 2),
      ports: [
        choice(1, '', 1),
        choice(2, '2 ports', 1.2, 'Two devices charge side by side.'),
        choice(3, '3 ports', 1.4, 'Three ports feed phone, tablet and watch.'),
      ],
      foldingPlug: flag('', 'Folds flat for travelling.', 1.05),
      colour: words('black', 'white', 'sand'),
    },
    opening: [
      'A small {noun} that delivers {watts}.',
      'Half full in thirty minutes: the {model} charges most phones fast.',
      'Cool and safe, with protection against overload.',
    ],
    more: [
      'Small enough for a trouser pocket.',
      'Works from 100 to 240 V.',
      'A soft light shows the state of charge.',
    ],
  },
]

const HOME: EnglishKind[] = [
  {
    prefix: 'cof',
    path: ['Home', 'Kitchen', 'Coffee makers'],
    count: 50,
    brands: KITCHEN_BRANDS,
    nouns: ['filter coffee maker', 'espresso machine', 'French press', 'moka pot'],
    model: [
      ['Alba', 'Crema', 'Matina', 'Barista', 'Aroma'],
      ['Uno', 'Due', 'Classic', 'Compact', 'Grande', 'Prima'],
    ],
    title: '{brand} {model} {noun}, {cups}, {material}',
    price: [24, 115],
    traits: {
      cups: [choice(1, '1 cup', 0.9), ...amounts([2, 4, 6, 10], ' cups', 1.5)],
      material: words('stainless steel', 'glass', 'matt black', 'brushed aluminium'),
      dishwasherSafe: flag('', 'Removable parts go into the dishwasher.', 1.05),
      colour: words('black', 'silver', 'red', 'cream'),
    },
    opening: [
      'Fresh coffee every morning from a {noun} that is easy to clean.',
      'The {model} brings out the full aroma of the beans.',
      'A good-looking {noun} in {material} for small kitchens.',
    ],
    more: [
      'Makes {cups} at a time.',
      'Ready in less than five minutes.',
      'The handle stays cool.',
      'Spare parts are kept for ten years.',
    ],
  },
  {
    prefix: 'bns',
    path: ['Grocery', 'Coffee', 'Coffee beans'],
    count: 50,
    brands: ['Brewska', 'Roastelle', 'Cafandra', 'Morvessa'],
    nouns: ['coffee beans', 'espresso beans', 'whole bean coffee'],
    model: [
      ['Morning', 'Harbour', 'Velvet', 'Highland', 'Midnight', 'Festival', 'Orchard'],
      ['Blend', 'Roast', 'Reserve', 'Selection'],
    ],
    title: '{brand} {model} {noun}, {roast}, {origin}, {weightG}',
    price: [6, 13],
    traits: {
      roast: [
        choice('light', 'light roast', 1.1, 'Light and floral with a hint of lemon.'),
        choice('medium', 'medium roast', 1, 'Balanced, with notes of nuts and caramel.'),
        choice('dark', 'dark roast', 1, 'Dark and full, with a taste of chocolate.'),
      ],
      origin: words('Ethiopia', 'Colombia', 'Brazil', 'Guatemala', 'Sumatra'),
      weightG: amounts([250, 500, 1000], ' g', 3),
      organic: flag('', 'Organically grown.', 1.2),
      decaffeinated: [
        choice(true, '', 1.1, 'Decaffeinated with water only.'),
        choice(false, ''),
        choice(false, ''),
        choice(false, ''),
      ],
    },
    opening: [
      'Freshly roasted {noun} from {origin}.',
      'A {roast} for espresso, filter and French press alike.',
      '{Origin} at its best, roasted slowly in small batches.',
    ],
    more: [
      'The bag closes again and has an aroma valve.',
      'Ground on request.',
      'Bought directly from growers.',
    ],
  },
  {
    prefix: 'ckw',
    path: ['Home', 'Kitchen', 'Cookware'],
    count: 60,
    brands: KITCHEN_BRANDS,
    nouns: ['frying pan', 'saucepan', 'stockpot', 'casserole', 'wok'],
    model: [
      ['Cucina', 'Chef', 'Rustic', 'Hearth', 'Simmer'],
      ['Pro', 'Classic', 'Natura', 'Line', 'Heritage'],
    ],
    title: '{brand} {model} {noun}, {material}, {diameterCm}',
    price: [18, 60],
    traits: {
      material: [
        choice('cast iron', 'cast iron', 1.5, 'Cast iron holds the heat for an even sear.'),
        choice(
          'stainless steel',
          'stainless steel',
          1.2,
          'Stainless steel takes tomato and wine without a taste.',
        ),
        choice('aluminium', 'non-stick aluminium', 0.8, 'The non-stick coating needs very little oil.'),
        choice('carbon steel', 'carbon steel', 1, 'Carbon steel is light and gets better with use.'),
      ],
      diameterCm: amounts([18, 20, 24, 28, 32], ' cm', 1.6),
      induction: flag('', 'Suits all hobs, induction too.', 1.15),
      lid: flag('', 'A glass lid is included.', 1.12),
    },
    opening: [
      'A {diameterCm} {noun} for everyday cooking.',
      'The {noun} that does most of the work in the kitchen.',
      'Heats evenly up to the rim.',
    ],
    more: ['Oven-proof up to 220 °C.', 'The riveted handle sits firm.', 'Pours without dripping.'],
  },
  {
    prefix: 'lmp',
    path: ['Home', 'Lighting', 'Lamps'],
    count: 65,
    brands: LIGHT_BRANDS,
    nouns: ['table lamp', 'floor lamp', 'pendant lamp', 'desk lamp'],
    model: [
      ['Luna', 'Arco', 'Stella', 'Birch', 'Dusk', 'Fjord'],
      ['Mini', 'Studio', 'Loft', 'Classic', 'Arc', 'Duo'],
    ],
    title: '{brand} {model} {noun}, {material}, {colour}, {dimmable}',
    price: [19, 120],
    traits: {
      material: words('oak', 'brass', 'linen', 'glass', 'steel', 'rattan'),
      colour: SOFT_COLOURS,
      dimmable: flag('dimmable', 'Dimmable from reading light to a soft glow.', 1.2),
      socket: words('E27', 'E14', 'GU10'),
      cableM: amounts([1.5, 2, 2.5], ' m', 1.1),
    },
    opening: [
      'Warm light and a calm shape: a {noun} in {material}.',
      'A {noun} in {colour} that suits many rooms.',
      'The {model} brings a cosy corner to any room.',
    ],
    more: [
      'Takes a bulb with {socket} socket.',
      'The fabric cable is {cableM} long.',
      'Made by hand in small numbers.',
    ],
  },
  {
    prefix: 'blb',
    path: ['Home', 'Lighting', 'Light bulbs'],
    count: 35,
    brands: LIGHT_BRANDS,
    nouns: ['LED bulb', 'LED filament bulb', 'smart LED bulb'],
    model: [['Glow', 'Ray', 'Halo', 'Beam'], NUMBERS],
    title: '{brand} {model} {noun}, {socket}, {watts}, {light}',
    price: [3, 13],
    traits: {
      socket: words('E27', 'E14', 'GU10'),
      watts: amounts([3, 5, 8, 11], ' W', 1.6),
      light: [
        choice('warm white', 'warm white', 1, 'Warm white for living and sleeping rooms.'),
        choice('neutral white', 'neutral white', 1, 'Neutral white for kitchen and desk.'),
      ],
      dimmable: flag('', 'Works with common dimmers.', 1.2),
    },
    opening: [
      'A {noun} with {socket} socket that uses only {watts}.',
      'Full brightness at once, without flicker.',
      'Saves energy: {watts} replace an old bulb.',
    ],
    more: ['Lasts for 15,000 hours.', 'Two in a box.', 'Free of mercury.'],
  },
  {
    prefix: 'bed',
    path: ['Home', 'Bedroom', 'Bed linen'],
    count: 40,
    brands: HOME_BRANDS,
    nouns: ['duvet cover set', 'fitted sheet', 'flat sheet'],
    model: [
      ['Slumber', 'Meadow', 'Drift', 'Feather', 'Lullaby'],
      ['Soft', 'Breeze', 'Nature', 'Night', 'Home'],
    ],
    title: '{brand} {model} {noun}, {material}, {colour}, {size}',
    price: [18, 65],
    traits: {
      material: [
        choice('linen', 'washed linen', 1.7, 'Washed linen is cool in summer and warm in winter.'),
        choice('cotton', 'organic cotton', 1, 'Organic cotton, soft from the first night.'),
        choice('satin', 'cotton satin', 1.2, 'Cotton satin with a gentle sheen.'),
      ],
      size: [choice('single'), choice('double', 'double', 1.4), choice('king size', 'king size', 1.6)],
      colour: SOFT_COLOURS,
      ironFree: flag('', 'Needs no ironing.', 1.05),
    },
    opening: [
      'A {colour} {noun} for {size} beds.',
      'Sleep well in {material}.',
      'Plain, soft and long-lasting bed linen.',
    ],
    more: ['Washable at 60 °C.', 'Dries quickly on the line.', 'Certified free of harmful substances.'],
  },
]

const SPORTS: EnglishKind[] = [
  {
    prefix: 'run',
    path: ['Sports', 'Running', 'Running shoes'],
    count: 70,
    brands: SPORT_BRANDS,
    nouns: ['running shoes', 'trail running shoes', 'racing shoes'],
    model: [
      ['Glide', 'Tempo', 'Kestrel', 'Hare', 'Ridge', 'Zephyr'],
      ['2', '3', '4', '5', '6', '7', 'Light', 'Max'],
    ],
    title: '{brand} {model} {for} {noun}, {cushioning}, {colour}',
    price: [65, 150],
    traits: {
      for: [choice('women', "women's"), choice('men', "men's"), choice('unisex', 'unisex', 0.95)],
      cushioning: [
        choice('soft', 'soft cushioning', 1.1, 'Thick, soft foam spares the knees on long runs.'),
        choice('medium', 'medium cushioning', 1, 'Balanced cushioning for daily training.'),
        choice('firm', 'firm and fast', 1, 'A firm, fast sole for race day.'),
      ],
      colour: words('black', 'white', 'electric blue', 'neon yellow', 'coral', 'grey'),
      weightG: amounts([190, 220, 250, 280], ' g'),
      waterproof: [
        ...flag('', 'A waterproof membrane keeps feet dry.', 1.15),
        choice(false, ''),
        choice(false, ''),
      ],
    },
    opening: [
      'Light {noun} for the park and the road.',
      'At only {weightG} a shoe, the {model} feels quick.',
      '{Brand} made these {noun} for runners who go out in all seasons.',
    ],
    more: [
      'The upper breathes well.',
      'Reflecting strips make runners visible at night.',
      'A wide toe box gives room.',
    ],
  },
  {
    prefix: 'sok',
    path: ['Sports', 'Running', 'Running socks'],
    count: 40,
    brands: SPORT_BRANDS,
    nouns: ['running socks', 'sports socks', 'compression socks'],
    model: [
      ['Pace', 'Air', 'Merry', 'Blister-free', 'Dash'],
      ['Low', 'Mid', 'Crew', 'Knee'],
    ],
    title: '{brand} {model} {noun}, {material}, {pairs}, {colour}',
    price: [7, 15],
    traits: {
      material: [
        choice('merino wool', 'merino wool', 1.4, 'Merino wool stays fresh for days.'),
        choice('cotton', 'cotton', 0.8, 'Soft combed cotton.'),
        choice('polyamide', 'quick-dry', 1, 'The quick-dry fabric leads sweat away.'),
      ],
      pairs: [choice(1, '1 pair'), choice(3, '3 pairs', 2.2), choice(5, '5 pairs', 3.2)],
      size: words('35-38', '39-42', '43-46'),
      colour: words('black', 'white', 'grey', 'neon yellow', 'blue'),
    },
    opening: [
      '{Noun} without seams that rub.',
      'Padded heel and toe for long distances.',
      'Thin {colour} socks that sit without slipping.',
    ],
    more: ['Size {size}.', 'Left and right are shaped differently.', 'Machine-washable at 40 °C.'],
  },
  {
    prefix: 'yog',
    path: ['Sports', 'Yoga', 'Yoga mats'],
    count: 40,
    brands: ['Asandra', 'Peakaro', 'Lotusell', 'Stridella'],
    nouns: ['yoga mat', 'exercise mat', 'travel yoga mat'],
    model: [
      ['Lotus', 'Calm', 'Flow', 'Sunrise', 'Balance'],
      ['Earth', 'Pure', 'Studio', 'Daily'],
    ],
    title: '{brand} {model} {noun}, {material}, {thicknessMm}, {colour}',
    price: [16, 52],
    traits: {
      material: [
        choice('natural rubber', 'natural rubber', 1.5, 'Natural rubber grips even with damp hands.'),
        choice('cork', 'cork', 1.6, 'The cork surface is warm and cleans itself.'),
        choice('TPE', 'TPE foam', 1, 'TPE foam is light and free of latex.'),
      ],
      thicknessMm: amounts([2, 4, 6, 8], ' mm', 1.2),
      colour: SOFT_COLOURS,
      strap: flag('', 'A carrying strap is included.', 1.08),
    },
    opening: [
      'A {thicknessMm} thick {noun} for beginners and teachers.',
      'Stable standing poses and a soft place to rest.',
      'This {colour} {noun} lies flat at once.',
    ],
    more: ['183 cm long and 61 cm wide.', 'Wipe clean with a damp cloth.', 'Without smell.'],
  },
  {
    prefix: 'ygb',
    path: ['Sports', 'Yoga', 'Yoga blocks'],
    count: 25,
    brands: ['Asandra', 'Peakaro', 'Lotusell', 'Stridella'],
    nouns: ['yoga block', 'yoga block pair', 'yoga brick'],
    model: [
      ['Lotus', 'Calm', 'Flow', 'Sunrise'],
      ['Earth', 'Pure', 'Studio', 'Daily'],
    ],
    title: '{brand} {model} {noun}, {material}, {colour}',
    price: [7, 28],
    traits: {
      material: words('cork', 'bamboo', 'recycled foam'),
      colour: SOFT_COLOURS,
      level: words('beginner', 'all levels'),
    },
    opening: [
      'A {noun} that helps to reach further without strain.',
      'Supports every pose, for {level}.',
      'Simple {colour} {noun} made of {material}.',
    ],
    more: [
      'Goes well with any yoga mat.',
      'Rounded edges are kind to hands.',
      'Weighs little and packs small.',
    ],
  },
  {
    prefix: 'bik',
    path: ['Sports', 'Cycling', 'Bicycle parts'],
    count: 60,
    brands: CYCLE_BRANDS,
    nouns: [
      'bicycle chain',
      'bicycle saddle',
      'bicycle tyre',
      'brake pad set',
      'bicycle pedal set',
      'bicycle handlebar',
    ],
    model: [
      ['Col', 'Gravel', 'Alpe', 'Sprint', 'Commute'],
      ['115', '210', '330', 'SL', 'Evo', 'Tour'],
    ],
    title: '{brand} {model} {noun}, {use}, {colour}',
    price: [12, 68],
    traits: {
      use: [
        choice('road', 'for road bikes', 1.2),
        choice('mountain', 'for mountain bikes', 1.15),
        choice('city', 'for city bikes', 0.85),
        choice('e-bike', 'for e-bikes', 1.25, 'Built for the higher forces of e-bikes.'),
      ],
      weightG: amounts([140, 220, 310, 480], ' g'),
      colour: words('black', 'silver', 'red'),
      toolsNeeded: [choice(true, ''), choice(false, '', 1.05, 'Mounts without tools.')],
    },
    opening: [
      'A durable {noun} {use}.',
      'Weighs only {weightG} and lasts for thousands of kilometres.',
      'Replace the worn {noun} and ride on.',
    ],
    more: ['Mounting instructions are included.', 'Treated against rust.', 'Tested on wet cobbles.'],
  },
  {
    prefix: 'btl',
    path: ['Sports', 'Outdoor', 'Water bottles'],
    count: 35,
    brands: ['Fjellvar', 'Peakaro', 'Aquandel', 'Runavelle'],
    nouns: ['water bottle', 'insulated bottle', 'sports bottle'],
    model: [
      ['Spring', 'Creek', 'Glacier', 'Sip', 'Trail'],
      ['One', 'Go', 'Pro', 'Mini', 'XL'],
    ],
    title: '{brand} {model} {noun}, {litres}, {material}, {colour}',
    price: [9, 28],
    traits: {
      litres: amounts([0.35, 0.5, 0.75, 1], ' l', 1.4),
      material: [
        choice(
          'stainless steel',
          'stainless steel',
          1.3,
          'Double-walled steel keeps drinks cold for 24 hours.',
        ),
        choice('plastic', 'BPA-free plastic', 0.8, 'Free of BPA and almost unbreakable.'),
        choice('glass', 'glass', 1, 'Glass adds no taste.'),
      ],
      colour: SOFT_COLOURS,
      leakProof: flag('', 'The lid is leak-proof.', 1.05),
    },
    opening: [
      'A {litres} {noun} for the gym, the office and the hill.',
      'This {colour} {noun} fits most bicycle cages.',
      'Drink enough: the {model} goes everywhere.',
    ],
    more: ['Opens with one hand.', 'The wide neck takes ice cubes.', 'Dishwasher-safe.'],
  },
  {
    prefix: 'tnt',
    path: ['Sports', 'Outdoor', 'Tents'],
    count: 30,
    brands: ['Fjellvar', 'Peakaro', 'Campolino', 'Tundrago'],
    nouns: ['tent', 'tunnel tent', 'dome tent'],
    model: [
      ['Fjord', 'Bivvy', 'Larch', 'Summit', 'Lakeside'],
      ['Ultra', 'Base', 'Trek', 'Air', 'Classic'],
    ],
    title: '{brand} {model} {noun}, {persons}, {season}, {colour}',
    price: [75, 210],
    traits: {
      persons: [
        choice(1, '1 person', 0.8),
        choice(2, '2 persons'),
        choice(3, '3 persons', 1.2),
        choice(4, '4 persons', 1.5),
      ],
      season: [
        choice('3 seasons', '3-season'),
        choice('4 seasons', '4-season', 1.5, 'Stands firm under snow and storm.'),
      ],
      weightKg: amounts([1.4, 2.1, 3.2, 4.8], ' kg'),
      colour: words('olive green', 'orange', 'sand', 'steel blue'),
    },
    opening: [
      'A {noun} for {persons} that stands in five minutes.',
      'Weighs {weightKg} and packs small.',
      'Dry and airy nights in the {model}.',
    ],
    more: [
      'Taped seams keep the rain out.',
      'Two entrances and a wide porch.',
      'Pegs and a repair kit are included.',
    ],
  },
]

const BEAUTY: EnglishKind[] = [
  {
    prefix: 'skn',
    path: ['Beauty', 'Skin care', 'Face creams'],
    count: 60,
    brands: BEAUTY_BRANDS,
    nouns: ['day cream', 'night cream', 'face serum', 'sun cream'],
    model: [
      ['Hydra', 'Petal', 'Dew', 'Calm', 'Radiance', 'Bloom'],
      ['Balance', 'Comfort', 'Repair', 'Fresh', 'Care'],
    ],
    title: '{brand} {model} {noun}, {ingredient}, {skin}, {ml}',
    price: [9, 38],
    traits: {
      ingredient: [
        choice('hyaluronic acid', 'hyaluronic acid', 1.2, 'Hyaluronic acid binds moisture.'),
        choice('aloe vera', 'aloe vera', 0.9, 'Aloe vera cools and soothes.'),
        choice('vitamin C', 'vitamin C', 1.2, 'Vitamin C gives tired skin a glow.'),
        choice('shea butter', 'shea butter', 1, 'Shea butter nourishes for hours.'),
      ],
      skin: [
        choice('dry', 'for dry skin'),
        choice('sensitive', 'for sensitive skin'),
        choice('oily', 'for oily skin'),
        choice('all', 'for all skin types'),
      ],
      ml: amounts([30, 50, 75, 100], ' ml', 1.5),
      vegan: flag('', 'Vegan and not tested on animals.', 1.05),
    },
    opening: [
      'A light {noun} {skin}.',
      'This {noun} sinks in at once and leaves no shine.',
      'Soft, rested skin with {ingredient}.',
    ],
    more: ['Free of perfume.', 'The glass jar can be recycled.', 'Tested by dermatologists.'],
  },
  {
    prefix: 'shm',
    path: ['Beauty', 'Hair care', 'Shampoo'],
    count: 45,
    brands: BEAUTY_BRANDS,
    nouns: ['shampoo', 'volume shampoo', 'care shampoo'],
    model: [
      ['Silk', 'Meadow', 'Rain', 'Volume', 'Shine'],
      ['Daily', 'Repair', 'Natural', 'Soft'],
    ],
    title: '{brand} {model} {noun}, {scent}, {hair}, {ml}',
    price: [4, 15],
    traits: {
      scent: words('rosemary', 'coconut', 'citrus', 'lavender', 'almond'),
      hair: [
        choice('curly', 'for curly hair'),
        choice('fine', 'for fine hair'),
        choice('dry', 'for dry hair'),
        choice('coloured', 'for coloured hair'),
      ],
      ml: amounts([80, 200, 300, 500], ' ml', 1.8),
      siliconeFree: flag('', 'Free of silicone and sulphates.', 1.1),
    },
    opening: [
      'A mild {noun} {hair}.',
      'Smells of {scent} and rinses out easily.',
      'Clean, shiny hair without weight.',
    ],
    more: ['For daily use.', 'The bottle is made of recycled plastic.', 'With {scent} from organic farms.'],
  },
]

const TOYS: EnglishKind[] = [
  {
    prefix: 'bld',
    path: ['Toys', 'Building', 'Building sets'],
    count: 40,
    brands: TOY_BRANDS,
    nouns: ['building set', 'wooden block set', 'marble run', 'magnetic tile set'],
    model: [
      ['Castle', 'Harbour', 'Space Station', 'Farm', 'Fire Station', 'Jungle'],
      ['Adventure', 'Junior', 'Explorer', 'World'],
    ],
    title: '{brand} {model} {noun}, {pieces}, {age}',
    price: [14, 42],
    traits: {
      pieces: amounts([40, 80, 150, 320, 640], ' pieces', 2.6),
      age: [choice(3, 'from 3 years'), choice(5, 'from 5 years'), choice(8, 'from 8 years')],
      material: words('wood', 'plastic', 'recycled plastic'),
    },
    opening: [
      '{Pieces} for hours of building, {age}.',
      'Children plan, build and begin again.',
      'A {noun} that grows with the child.',
    ],
    more: [
      'Made of {material} with rounded edges.',
      'Comes in a box for tidying up.',
      'Fits together with other {brand} sets.',
    ],
  },
  {
    prefix: 'plu',
    path: ['Toys', 'Soft toys', 'Cuddly animals'],
    count: 45,
    brands: TOY_BRANDS,
    nouns: ['cuddly bear', 'plush rabbit', 'plush fox', 'cuddly elephant', 'plush owl'],
    model: [
      ['Bruno', 'Lotte', 'Pip', 'Momo', 'Fine', 'Oskar', 'Tilda', 'Knut'],
      ['the Sleepy', 'the Brave', 'the Curious', 'the Gentle'],
    ],
    title: '{brand} {model} {noun}, {heightCm}, {colour}',
    price: [9, 24],
    traits: {
      heightCm: amounts([18, 25, 35, 50], ' cm', 2),
      colour: words('brown', 'grey', 'cream', 'pink', 'caramel'),
      washable: flag('', 'Can be washed at 30 °C.', 1.1),
      age: [choice(0, 'from birth'), choice(1, 'from 1 year'), choice(3, 'from 3 years')],
    },
    opening: [
      'A soft friend for bed and buggy, {age}.',
      'This {heightCm} {noun} has long fur to stroke.',
      'Meet {model}, a {colour} companion for small adventures.',
    ],
    more: ['The eyes are embroidered.', 'Filled with recycled fibres.', 'A gift that stays for years.'],
  },
  {
    prefix: 'brd',
    path: ['Toys', 'Games', 'Board games'],
    count: 45,
    brands: ['Spielanto', 'Klotzini', 'Dicehaven', 'Meepora'],
    nouns: ['board game', 'card game', 'cooperative game', 'strategy game'],
    model: [
      ['Isles of', 'Riddles of', 'Merchants of', 'Dragons of', 'Gardens of', 'Night in'],
      ['Arvendor', 'Marzipan', 'Kallisto', 'Oldport', 'Emberfall', 'Tam'],
    ],
    title: '{model}, {brand} {noun}, {players}, {minutes}',
    price: [11, 44],
    traits: {
      players: [
        choice('1-4', '1 to 4 players'),
        choice('2', '2 players', 0.8),
        choice('2-5', '2 to 5 players'),
        choice('3-8', '3 to 8 players', 1.1),
      ],
      minutes: amounts([15, 30, 45, 60, 90], ' minutes', 1.4),
      age: [choice(6, 'from 6 years'), choice(8, 'from 8 years'), choice(12, 'from 12 years')],
    },
    opening: [
      'A {noun} for {players}, {age}.',
      'Quickly explained and played in about {minutes}.',
      'Luck helps a little, a clever plan helps more.',
    ],
    more: [
      'Each round takes another turn.',
      'The rules come in five languages.',
      'Wooden pieces and thick cards.',
    ],
  },
]

const BOOKS: EnglishKind[] = [
  {
    prefix: 'nov',
    path: ['Books', 'Fiction', 'Novels'],
    count: 75,
    brands: PUBLISHERS,
    nouns: ['crime novel', 'historical novel', 'science fiction novel', 'love story', 'family saga'],
    model: [
      [
        'The Silent',
        'The Last',
        'A Distant',
        'The Glass',
        'Winter of the',
        'The Hidden',
        'Beyond the',
        'The Painted',
      ],
      [
        'Harbour',
        'Orchard',
        'Lighthouse',
        'Letter',
        'Clockmaker',
        'Meridian',
        'Garden',
        'Sparrow',
        'Archive',
      ],
    ],
    title: '{model}, {noun} by {author}, {format}',
    price: [9, 15],
    traits: {
      author: words(
        'Mara Ellindon',
        'Jonas Reddick',
        'Ines Valcourt',
        'Theo Marchbanks',
        'Yuna Hasegari',
        'Lena Ostrand',
      ),
      format: [
        choice('paperback'),
        choice('hardcover', 'hardcover', 1.8),
        choice('pocket edition', 'pocket edition', 0.9),
      ],
      pages: amounts([192, 256, 320, 416, 560], ' pages', 1.2),
      year: amounts([2015, 2018, 2020, 2022, 2023, 2024], ''),
    },
    opening: [
      'A {noun} about secrets that do not stay buried.',
      '{Author} tells of an unlikely friendship in a town by the sea.',
      'Two families, one house and a summer that changes everything.',
      'Nobody believes the stranger, until the first snow falls.',
    ],
    more: [
      '{Pages} that are hard to put down.',
      'First published in {year}.',
      'Shortlisted for several prizes.',
      'With an afterword by the author.',
    ],
  },
  {
    prefix: 'ckb',
    path: ['Books', 'Food and drink', 'Cookbooks'],
    count: 40,
    brands: PUBLISHERS,
    nouns: ['cookbook', 'baking book', 'recipe collection'],
    model: [
      ['Simply', 'Slow', 'Sunday', 'Green', 'One-Pot', 'Little'],
      ['Suppers', 'Bread', 'Noodles', 'Kitchen', 'Feasts', 'Sweets'],
    ],
    title: '{model}, {cuisine} {noun} by {author}, {recipes}',
    price: [12, 34],
    traits: {
      cuisine: words('Italian', 'Japanese', 'vegetarian', 'Mediterranean', 'Nordic', 'Indian'),
      author: words('Carla Bentini', 'Sven Aldermoor', 'Priya Naravel', 'Hanna Weidlich', 'Tomo Kisaragi'),
      recipes: amounts([50, 75, 100, 150], ' recipes', 1.4),
      hardcover: flag('', 'A sturdy hardcover that lies open by itself.', 1.3),
    },
    opening: [
      '{Recipes} of {cuisine} home cooking.',
      '{Author} shows how good food needs few ingredients.',
      'A {noun} for weekdays and for guests.',
    ],
    more: [
      'Every dish has its own photograph.',
      'With a plan for each season.',
      'Notes explain what to do with leftovers.',
    ],
  },
]

const CLOTHING: EnglishKind[] = [
  {
    prefix: 'tsh',
    path: ['Clothing', 'Tops', 'T-shirts'],
    count: 60,
    brands: CLOTHES_BRANDS,
    nouns: ['T-shirt', 'long-sleeved T-shirt', 'polo shirt'],
    model: [
      ['Basic', 'Shore', 'Stripe', 'Pocket', 'Field', 'Studio'],
      ['Crew', 'V', 'Relaxed', 'Slim'],
    ],
    title: '{brand} {model} {for} {noun}, {material}, {colour}, {size}',
    price: [11, 35],
    traits: {
      for: [choice('women', "women's"), choice('men', "men's"), choice('children', "children's", 0.7)],
      material: [
        choice('organic cotton', 'organic cotton', 1.1, 'Organic cotton feels soft on the skin.'),
        choice('linen', 'linen blend', 1.3, 'The linen blend is cool on hot days.'),
        choice('merino wool', 'merino wool', 1.9, 'Fine merino wool does not scratch.'),
      ],
      colour: [...COLOURS, ...SOFT_COLOURS],
      size: [choice('S', 'size S'), choice('M', 'size M'), choice('L', 'size L'), choice('XL', 'size XL')],
    },
    opening: [
      'A {colour} {noun} for every day.',
      'Simple cut, good fabric: the {noun} to reach for first.',
      'Keeps its shape wash after wash.',
    ],
    more: ['Sewn in Portugal.', 'Washable at 40 °C.', 'True to size.'],
  },
  {
    prefix: 'jkt',
    path: ['Clothing', 'Outerwear', 'Jackets'],
    count: 55,
    brands: CLOTHES_BRANDS,
    nouns: ['rain jacket', 'down jacket', 'fleece jacket', 'windbreaker'],
    model: [
      ['Skerry', 'Moor', 'Drizzle', 'Crest', 'Harbour', 'Polar'],
      ['Light', 'Parka', 'Trek', 'City'],
    ],
    title: '{brand} {model} {for} {noun}, {colour}, {size}',
    price: [45, 160],
    traits: {
      for: [choice('women', "women's"), choice('men', "men's"), choice('children', "children's", 0.6)],
      colour: COLOURS,
      size: [choice('S', 'size S'), choice('M', 'size M'), choice('L', 'size L'), choice('XL', 'size XL')],
      hood: flag('', 'The hood folds into the collar.', 1.08),
      pockets: amounts([2, 3, 4], ' pockets'),
    },
    opening: [
      'A {noun} for wet and windy days.',
      'The {colour} {noun} packs into its own pocket.',
      'Light and quiet to wear.',
    ],
    more: ['{Pockets} close with zips.', 'Made without fluorocarbons.', 'The cuffs adjust.'],
  },
]

const PET: EnglishKind[] = [
  {
    prefix: 'dog',
    path: ['Pet', 'Dogs', 'Dog beds'],
    count: 40,
    brands: PET_BRANDS,
    nouns: ['dog bed', 'dog cushion', 'dog basket'],
    model: [
      ['Snooze', 'Nap', 'Cosy', 'Burrow', 'Rex'],
      ['Classic', 'Ortho', 'Round', 'Travel', 'Deluxe'],
    ],
    title: '{brand} {model} {noun}, {size}, {colour}',
    price: [19, 60],
    traits: {
      size: [choice('S', 'small', 0.7), choice('M', 'medium'), choice('L', 'large', 1.4)],
      colour: SOFT_COLOURS,
      filling: [
        choice('memory foam', 'memory foam', 1.4, 'Memory foam is kind to old joints.'),
        choice('recycled fibre', 'recycled fibre', 1, 'The filling is made of recycled bottles.'),
      ],
      washableCover: flag('', 'The cover comes off for washing.', 1.1),
    },
    opening: [
      'A {size} {noun} where tired paws come to rest.',
      'This {colour} {noun} looks good in the living room.',
      'Raised edges make a safe place to sleep.',
    ],
    more: ['The underside does not slip.', 'Hair brushes off easily.', 'Filled with {filling}.'],
  },
  {
    prefix: 'dgf',
    path: ['Pet', 'Dogs', 'Dog food'],
    count: 40,
    brands: PET_BRANDS,
    nouns: ['dry dog food', 'wet dog food', 'natural dog food'],
    model: [
      ['Field', 'Farm', 'Happy', 'Wild', 'Good'],
      ['Bowl', 'Bites', 'Feast', 'Tails'],
    ],
    title: '{brand} {model} {noun}, {flavour}, {weightKg}, {grainFree}',
    price: [5, 14],
    traits: {
      flavour: words('chicken', 'salmon', 'lamb', 'duck', 'beef'),
      weightKg: amounts([0.4, 1, 3, 10], ' kg', 4),
      grainFree: flag('grain-free', 'Free of grain for sensitive stomachs.', 1.2),
      age: [choice('puppy', 'puppies'), choice('adult', 'adult dogs'), choice('senior', 'older dogs')],
    },
    opening: [
      '{Noun} with {flavour} for {age}.',
      'Plenty of {flavour} and garden vegetables.',
      'A full meal for {age}, without sugar.',
    ],
    more: [
      'Made in small kitchens in Austria.',
      'The {weightKg} pack closes again.',
      'No artificial colours.',
    ],
  },
  {
    prefix: 'cat',
    path: ['Pet', 'Cats', 'Cat toys'],
    count: 40,
    brands: PET_BRANDS,
    nouns: ['cat toy', 'cat feather wand', 'cat tunnel', 'scratching post'],
    model: [
      ['Pounce', 'Whisker', 'Mouse', 'Zoom', 'Purr'],
      ['Play', 'Fun', 'Hunt', 'Chase'],
    ],
    title: '{brand} {model} {noun}, {material}, {colour}',
    price: [4, 32],
    traits: {
      material: words('sisal', 'felt', 'cotton', 'cardboard'),
      colour: words('grey', 'natural', 'red', 'turquoise', 'yellow'),
      catnip: flag('with catnip', 'Scented with dried catnip.', 1.1),
    },
    opening: [
      'A {noun} for indoor cats that want to hunt.',
      'Five minutes with this {noun} make a happy cat.',
      'Sturdy {material} stands up to claws.',
    ],
    more: ['No small parts come off.', 'Safe for kittens.', 'Folds away after the game.'],
  },
]

/** Every category of the sample shop. */
export const KINDS: Kind[] = [
  ...[ELECTRONICS, HOME, SPORTS, BEAUTY, TOYS, BOOKS, CLOTHING, PET]
    .flat()
    .map((kind): Kind => ({ ...kind, language: 'en' })),
  ...CHINESE_KINDS,
]

/** Kinds that are bought together, by prefix: who takes the first often takes the second. */
export const COMPANIONS: Record<string, string> = {
  prn: 'ink',
  lap: 'cbl',
  run: 'sok',
  cof: 'bns',
  yog: 'ygb',
  lmp: 'blb',
  cas: 'chg',
  dog: 'dgf',
  zcy: 'zbw',
}
