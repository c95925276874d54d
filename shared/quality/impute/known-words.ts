/** @file Colours and materials in English, German and Chinese: what a shop's own few values leave out. A line is one thing. */

const COLOURS = `
black schwarz 黑色 黑
white weiß weiss 白色 白
grey gray grau 灰色 灰
silver silber silbern 银色 银
gold golden goldfarben 金色 金
red rot 红色 红
blue blau 蓝色 蓝
green grün 绿色 绿
yellow gelb 黄色 黄
orange 橙色 橙
purple violet lila violett 紫色 紫
pink rosa 粉色 粉红色 粉
brown braun 棕色 褐色 咖啡色
beige 米色 杏色
navy marine 藏青色 深蓝色
turquoise türkis 青色
transparent clear durchsichtig 透明
multicolour multicolor multicoloured mehrfarbig bunt 多色 彩色
cyan
magenta
ivory elfenbein 象牙色
burgundy bordeaux 酒红色
charcoal anthracite anthrazit 炭灰色
khaki 卡其色
copper kupfer 铜色
bronze 古铜色
rose rosé 玫瑰色`

const MATERIALS = `
cotton baumwolle 棉 纯棉 全棉
leather leder 皮革 真皮 牛皮
wool wolle 羊毛
silk seide 真丝 丝绸
linen leinen 亚麻
polyester 涤纶 聚酯纤维
nylon 尼龙 锦纶
denim 牛仔布
wood holz 木 实木
steel stahl 钢
stainless-steel edelstahl 不锈钢
aluminium aluminum 铝 铝合金
metal metall 金属
plastic kunststoff plastik 塑料
glass glas 玻璃
ceramic keramik 陶瓷
rubber gummi 橡胶
paper papier 纸
silicone silikon 硅胶
bamboo bambus 竹
oak eiche 橡木
velvet samt 天鹅绒
canvas segeltuch 帆布
brass messing 黄铜
gold-plated vergoldet 镀金
cashmere kaschmir 羊绒
suede wildleder 麂皮`

const groupsOf = (table: string): string[][] =>
  table
    .trim()
    .split('\n')
    .map((line) => line.split(' '))

export const KNOWN_COLOURS = groupsOf(COLOURS)
export const KNOWN_MATERIALS = groupsOf(MATERIALS)
