//! Goods as a Korean convenience shop has them: kinds, brands that do not exist, flavours.

/// A kind of goods; its flavours share package and mass.
pub struct Kind {
    pub ko: &'static str,
    pub en: &'static str,
    /// Five flavours, Korean and English.
    pub flavours: [(&'static str, &'static str); 5],
    pub mass_g: f64,
    /// Spread of one unit's mass, per cent of it.
    pub spread: f64,
    pub size_mm: [u32; 3],
    pub price: u32,
    pub case_pack: u32,
    pub tax: Tax,
}

#[derive(Clone, Copy)]
pub enum Tax {
    Standard,
    /// Unprocessed food bears no value added tax in Korea.
    Exempt,
    /// Taxed, and from 19 on only.
    Adults,
}
use Tax::{Adults, Exempt, Standard};

/// A brand: its names and, in per cent of the kind's, its price and mass. The first two share
/// masses, so that weight alone cannot tell them apart.
pub struct Brand {
    pub ko: &'static str,
    pub en: &'static str,
    pub price: u32,
    pub mass: f64,
}

pub const BRANDS: [Brand; 4] = [
    Brand {
        ko: "새벽",
        en: "Saebyeok",
        price: 100,
        mass: 100.0,
    },
    Brand {
        ko: "푸른들",
        en: "Pureundeul",
        price: 110,
        mass: 100.0,
    },
    Brand {
        ko: "동백",
        en: "Dongbaek",
        price: 90,
        mass: 96.0,
    },
    Brand {
        ko: "바람골",
        en: "Baramgol",
        price: 130,
        mass: 108.0,
    },
];

/// One SKU.
#[derive(Clone)]
pub struct Sku {
    pub gtin: u64,
    pub name_ko: String,
    pub name_en: String,
    pub price: u32,
    pub tax: &'static str,
    pub mass_g: f64,
    pub mass_sd_g: f64,
    pub size_mm: [u32; 3],
    pub case_pack: u32,
    pub age_limit: &'static str,
}

/// The SKU of a kind, brand and flavour. Numbers are from the range 20 that GS1 leaves to shops.
pub fn sku(kind_ix: usize, brand_ix: usize, flavour_ix: usize) -> Sku {
    let kind = &KINDS[kind_ix];
    let brand = &BRANDS[brand_ix];
    let (flavour_ko, flavour_en) = kind.flavours[flavour_ix];
    let body = 200_000_000_000
        + 1_000 * (kind_ix as u64 + 1)
        + 100 * (brand_ix as u64 + 1)
        + flavour_ix as u64
        + 1;
    let mass_g = (kind.mass_g * brand.mass / 10.0).round() / 10.0;
    Sku {
        gtin: with_check_digit(body),
        name_ko: format!("{} {flavour_ko} {}", brand.ko, kind.ko),
        name_en: format!("{} {flavour_en} {}", brand.en, kind.en),
        // Shelf prices in Korea end in 00.
        price: (kind.price * brand.price / 100 + 50) / 100 * 100,
        tax: match kind.tax {
            Exempt => "exempt",
            Standard | Adults => "standard",
        },
        mass_g,
        mass_sd_g: ((mass_g * kind.spread / 100.0).max(0.1) * 10.0).round() / 10.0,
        size_mm: kind.size_mm,
        case_pack: kind.case_pack,
        age_limit: match kind.tax {
            Adults => "19",
            Standard | Exempt => "",
        },
    }
}

/// GS1's check digit: weights 3, 1, 3, … from the right.
fn with_check_digit(body: u64) -> u64 {
    let mut sum = 0;
    let mut rest = body;
    let mut weight = 3;
    while rest > 0 {
        sum += rest % 10 * weight;
        rest /= 10;
        weight = 4 - weight;
    }
    body * 10 + (10 - sum % 10) % 10
}

#[rustfmt::skip]
pub const KINDS: [Kind; 50] = [
    Kind { ko: "삼각김밥", en: "rice triangle", flavours: [("참치마요", "tuna mayo"), ("전주비빔", "Jeonju bibim"), ("불고기", "bulgogi"), ("볶음김치", "fried kimchi"), ("명란", "pollock roe")], mass_g: 110.0, spread: 2.0, size_mm: [90, 35, 85], price: 1_400, case_pack: 12, tax: Standard },
    Kind { ko: "샌드위치", en: "sandwich", flavours: [("햄치즈", "ham and cheese"), ("에그", "egg"), ("참치", "tuna"), ("치킨", "chicken"), ("딸기크림", "strawberry cream")], mass_g: 145.0, spread: 3.0, size_mm: [125, 65, 110], price: 3_200, case_pack: 8, tax: Standard },
    Kind { ko: "김밥", en: "gimbap roll", flavours: [("야채", "vegetable"), ("소고기", "beef"), ("참치", "tuna"), ("치즈", "cheese"), ("돈까스", "cutlet")], mass_g: 230.0, spread: 3.0, size_mm: [180, 65, 55], price: 2_900, case_pack: 10, tax: Standard },
    Kind { ko: "도시락", en: "lunch box", flavours: [("불고기", "bulgogi"), ("제육", "spicy pork"), ("치킨", "chicken"), ("돈까스", "cutlet"), ("나물", "greens")], mass_g: 420.0, spread: 3.0, size_mm: [215, 175, 50], price: 5_200, case_pack: 6, tax: Standard },
    Kind { ko: "컵라면", en: "cup noodles", flavours: [("매운맛", "hot"), ("순한맛", "mild"), ("해물", "seafood"), ("김치", "kimchi"), ("사골", "beef bone")], mass_g: 80.0, spread: 1.5, size_mm: [98, 98, 76], price: 1_250, case_pack: 30, tax: Standard },
    Kind { ko: "큰컵라면", en: "big cup noodles", flavours: [("매운맛", "hot"), ("짜장", "black bean"), ("해물", "seafood"), ("우육탕", "beef soup"), ("튀김우동", "udon")], mass_g: 132.0, spread: 1.5, size_mm: [145, 145, 82], price: 1_650, case_pack: 16, tax: Standard },
    Kind { ko: "봉지라면", en: "instant noodles", flavours: [("매운맛", "hot"), ("순한맛", "mild"), ("비빔", "bibim"), ("짜장", "black bean"), ("칼국수", "kalguksu")], mass_g: 124.0, spread: 1.5, size_mm: [150, 40, 115], price: 1_100, case_pack: 40, tax: Standard },
    Kind { ko: "초코바", en: "chocolate bar", flavours: [("땅콩", "peanut"), ("캐러멜", "caramel"), ("쿠키", "cookie"), ("아몬드", "almond"), ("코코넛", "coconut")], mass_g: 47.0, spread: 1.5, size_mm: [35, 110, 22], price: 1_500, case_pack: 24, tax: Standard },
    Kind { ko: "껌", en: "chewing gum", flavours: [("자일리톨", "xylitol"), ("스피어민트", "spearmint"), ("후르츠", "fruit"), ("커피", "coffee"), ("아이스민트", "ice mint")], mass_g: 15.0, spread: 1.5, size_mm: [22, 75, 15], price: 1_000, case_pack: 40, tax: Standard },
    Kind { ko: "사탕", en: "drops", flavours: [("자두", "plum"), ("박하", "peppermint"), ("레몬", "lemon"), ("홍삼", "red ginseng"), ("누룽지", "scorched rice")], mass_g: 33.0, spread: 2.0, size_mm: [45, 28, 90], price: 1_700, case_pack: 30, tax: Standard },
    Kind { ko: "젤리", en: "gummies", flavours: [("포도", "grape"), ("복숭아", "peach"), ("콜라", "cola"), ("사과", "apple"), ("망고", "mango")], mass_g: 68.0, spread: 2.0, size_mm: [105, 30, 150], price: 1_800, case_pack: 20, tax: Standard },
    Kind { ko: "감자칩", en: "potato chips", flavours: [("오리지널", "original"), ("양파", "onion"), ("허니버터", "honey butter"), ("바베큐", "barbecue"), ("사워크림", "sour cream")], mass_g: 66.0, spread: 2.5, size_mm: [190, 75, 255], price: 1_700, case_pack: 16, tax: Standard },
    Kind { ko: "크래커", en: "crackers", flavours: [("오리지널", "original"), ("치즈", "cheese"), ("깨", "sesame"), ("야채", "vegetable"), ("통밀", "whole wheat")], mass_g: 93.0, spread: 1.5, size_mm: [70, 50, 190], price: 1_800, case_pack: 24, tax: Standard },
    Kind { ko: "비스킷", en: "biscuits", flavours: [("버터", "butter"), ("초코칩", "chocolate chip"), ("우유", "milk"), ("코코넛", "coconut"), ("참깨", "sesame")], mass_g: 145.0, spread: 1.5, size_mm: [75, 55, 215], price: 2_600, case_pack: 20, tax: Standard },
    Kind { ko: "판초콜릿", en: "chocolate", flavours: [("밀크", "milk"), ("다크", "dark"), ("화이트", "white"), ("아몬드", "almond"), ("녹차", "green tea")], mass_g: 78.0, spread: 1.0, size_mm: [80, 15, 165], price: 2_900, case_pack: 20, tax: Standard },
    Kind { ko: "견과", en: "nuts", flavours: [("아몬드", "almond"), ("땅콩", "peanut"), ("캐슈넛", "cashew"), ("호두", "walnut"), ("믹스", "mixed")], mass_g: 42.0, spread: 2.5, size_mm: [95, 30, 135], price: 2_200, case_pack: 20, tax: Standard },
    Kind { ko: "육포", en: "beef jerky", flavours: [("오리지널", "original"), ("매운맛", "hot"), ("갈비", "galbi"), ("바베큐", "barbecue"), ("후추", "pepper")], mass_g: 32.0, spread: 3.0, size_mm: [120, 20, 170], price: 4_200, case_pack: 20, tax: Standard },
    Kind { ko: "우유 200ml", en: "milk 200 ml", flavours: [("흰", "whole"), ("저지방", "low fat"), ("무지방", "skimmed"), ("고칼슘", "high calcium"), ("유기농", "organic")], mass_g: 215.0, spread: 1.0, size_mm: [57, 57, 112], price: 1_150, case_pack: 24, tax: Exempt },
    Kind { ko: "가공우유 240ml", en: "flavoured milk 240 ml", flavours: [("바나나", "banana"), ("딸기", "strawberry"), ("초코", "chocolate"), ("커피", "coffee"), ("메론", "melon")], mass_g: 262.0, spread: 1.0, size_mm: [68, 68, 95], price: 1_800, case_pack: 24, tax: Standard },
    Kind { ko: "마시는 요구르트", en: "drinking yogurt", flavours: [("플레인", "plain"), ("딸기", "strawberry"), ("블루베리", "blueberry"), ("복숭아", "peach"), ("사과", "apple")], mass_g: 168.0, spread: 1.0, size_mm: [52, 52, 125], price: 1_700, case_pack: 24, tax: Standard },
    Kind { ko: "떠먹는 요거트", en: "yogurt cup", flavours: [("플레인", "plain"), ("딸기", "strawberry"), ("복숭아", "peach"), ("블루베리", "blueberry"), ("꿀", "honey")], mass_g: 94.0, spread: 1.5, size_mm: [68, 68, 72], price: 1_300, case_pack: 24, tax: Standard },
    Kind { ko: "두유 190ml", en: "soy milk 190 ml", flavours: [("오리지널", "original"), ("검은콩", "black bean"), ("고소한", "roasted"), ("무가당", "unsweetened"), ("아몬드", "almond")], mass_g: 208.0, spread: 1.0, size_mm: [48, 38, 128], price: 1_200, case_pack: 24, tax: Standard },
    Kind { ko: "생수 500ml", en: "water 500 ml", flavours: [("샘물", "spring"), ("암반수", "rock spring"), ("해양심층수", "deep sea"), ("미네랄", "mineral"), ("알칼리", "alkaline")], mass_g: 516.0, spread: 0.5, size_mm: [64, 64, 220], price: 950, case_pack: 20, tax: Standard },
    Kind { ko: "주스 1.5L", en: "juice 1.5 l", flavours: [("오렌지", "orange"), ("포도", "grape"), ("사과", "apple"), ("토마토", "tomato"), ("망고", "mango")], mass_g: 1_600.0, spread: 0.4, size_mm: [92, 92, 305], price: 4_300, case_pack: 12, tax: Standard },
    Kind { ko: "캔탄산 355ml", en: "soda can 355 ml", flavours: [("콜라", "cola"), ("사이다", "lemon lime"), ("오렌지", "orange"), ("포도", "grape"), ("제로콜라", "cola zero")], mass_g: 372.0, spread: 0.5, size_mm: [66, 66, 122], price: 1_900, case_pack: 24, tax: Standard },
    Kind { ko: "탄산음료 500ml", en: "soda 500 ml", flavours: [("콜라", "cola"), ("사이다", "lemon lime"), ("오렌지", "orange"), ("파인애플", "pineapple"), ("제로콜라", "cola zero")], mass_g: 538.0, spread: 0.5, size_mm: [66, 66, 228], price: 2_300, case_pack: 24, tax: Standard },
    Kind { ko: "캔커피 175ml", en: "coffee can 175 ml", flavours: [("마일드", "mild"), ("라떼", "latte"), ("블랙", "black"), ("모카", "mocha"), ("카라멜", "caramel")], mass_g: 204.0, spread: 0.6, size_mm: [53, 53, 105], price: 1_200, case_pack: 30, tax: Standard },
    Kind { ko: "컵커피 250ml", en: "coffee cup 250 ml", flavours: [("라떼", "latte"), ("모카", "mocha"), ("아메리카노", "americano"), ("카라멜", "caramel"), ("바닐라", "vanilla")], mass_g: 276.0, spread: 0.6, size_mm: [75, 75, 120], price: 2_400, case_pack: 10, tax: Standard },
    Kind { ko: "이온음료 500ml", en: "sports drink 500 ml", flavours: [("오리지널", "original"), ("레몬", "lemon"), ("자몽", "grapefruit"), ("제로", "zero"), ("복숭아", "peach")], mass_g: 528.0, spread: 0.5, size_mm: [67, 67, 215], price: 2_000, case_pack: 20, tax: Standard },
    Kind { ko: "차 500ml", en: "tea 500 ml", flavours: [("녹차", "green"), ("보리차", "barley"), ("옥수수수염차", "corn silk"), ("우롱차", "oolong"), ("홍차", "black")], mass_g: 528.0, spread: 0.5, size_mm: [66, 66, 210], price: 1_800, case_pack: 20, tax: Standard },
    Kind { ko: "에너지드링크 250ml", en: "energy drink 250 ml", flavours: [("오리지널", "original"), ("제로", "zero"), ("망고", "mango"), ("복숭아", "peach"), ("청포도", "green grape")], mass_g: 268.0, spread: 0.5, size_mm: [53, 53, 135], price: 1_900, case_pack: 30, tax: Standard },
    Kind { ko: "비타민드링크", en: "vitamin drink", flavours: [("오리지널", "original"), ("홍삼", "red ginseng"), ("유자", "yuzu"), ("매실", "green plum"), ("꿀", "honey")], mass_g: 192.0, spread: 1.2, size_mm: [46, 46, 118], price: 1_000, case_pack: 50, tax: Standard },
    Kind { ko: "맥주 500ml", en: "beer 500 ml", flavours: [("라거", "lager"), ("밀", "wheat"), ("에일", "ale"), ("흑", "dark"), ("라이트", "light")], mass_g: 522.0, spread: 0.4, size_mm: [66, 66, 168], price: 3_000, case_pack: 24, tax: Adults },
    Kind { ko: "막걸리 750ml", en: "makgeolli 750 ml", flavours: [("생", "fresh"), ("쌀", "rice"), ("밤", "chestnut"), ("잣", "pine nut"), ("옥수수", "corn")], mass_g: 792.0, spread: 0.5, size_mm: [76, 76, 250], price: 1_900, case_pack: 20, tax: Adults },
    Kind { ko: "소주 360ml", en: "soju 360 ml", flavours: [("오리지널", "original"), ("순한", "mild"), ("자몽", "grapefruit"), ("복숭아", "peach"), ("유자", "yuzu")], mass_g: 648.0, spread: 1.2, size_mm: [65, 65, 215], price: 2_000, case_pack: 20, tax: Adults },
    Kind { ko: "컵과일", en: "cut fruit", flavours: [("파인애플", "pineapple"), ("사과", "apple"), ("수박", "watermelon"), ("포도", "grape"), ("믹스", "mixed")], mass_g: 158.0, spread: 4.0, size_mm: [92, 92, 85], price: 3_300, case_pack: 8, tax: Exempt },
    Kind { ko: "과일", en: "fruit", flavours: [("바나나", "banana"), ("사과", "apple"), ("오렌지", "orange"), ("한라봉", "hallabong"), ("배", "pear")], mass_g: 190.0, spread: 8.0, size_mm: [90, 90, 85], price: 1_500, case_pack: 20, tax: Exempt },
    Kind { ko: "샐러드", en: "salad", flavours: [("닭가슴살", "chicken breast"), ("리코타", "ricotta"), ("에그", "egg"), ("연어", "salmon"), ("두부", "tofu")], mass_g: 172.0, spread: 4.0, size_mm: [140, 140, 60], price: 4_500, case_pack: 6, tax: Standard },
    Kind { ko: "달걀 2입", en: "eggs, 2", flavours: [("훈제", "smoked"), ("반숙", "soft boiled"), ("맥반석", "stone baked"), ("동물복지", "free range"), ("간장", "soy")], mass_g: 106.0, spread: 4.0, size_mm: [100, 50, 70], price: 2_200, case_pack: 15, tax: Standard },
    Kind { ko: "소시지", en: "sausage", flavours: [("오리지널", "original"), ("치즈", "cheese"), ("매운맛", "hot"), ("마늘", "garlic"), ("옥수수", "corn")], mass_g: 72.0, spread: 1.5, size_mm: [30, 30, 175], price: 1_900, case_pack: 20, tax: Standard },
    Kind { ko: "스트링치즈", en: "string cheese", flavours: [("플레인", "plain"), ("스모크", "smoked"), ("양파", "onion"), ("고추", "chilli"), ("갈릭", "garlic")], mass_g: 24.0, spread: 2.0, size_mm: [35, 18, 150], price: 1_400, case_pack: 24, tax: Standard },
    Kind { ko: "어묵바", en: "fishcake bar", flavours: [("오리지널", "original"), ("매운맛", "hot"), ("치즈", "cheese"), ("새우", "shrimp"), ("땡초", "green chilli")], mass_g: 82.0, spread: 2.0, size_mm: [45, 28, 170], price: 1_700, case_pack: 20, tax: Standard },
    Kind { ko: "빵", en: "bun", flavours: [("단팥", "red bean"), ("크림", "custard"), ("소보로", "streusel"), ("슈크림", "cream puff"), ("고구마", "sweet potato")], mass_g: 98.0, spread: 3.0, size_mm: [120, 110, 55], price: 1_500, case_pack: 12, tax: Standard },
    Kind { ko: "롤케이크", en: "cake roll", flavours: [("바닐라", "vanilla"), ("초코", "chocolate"), ("녹차", "green tea"), ("딸기", "strawberry"), ("고구마", "sweet potato")], mass_g: 145.0, spread: 2.5, size_mm: [150, 75, 70], price: 2_800, case_pack: 10, tax: Standard },
    Kind { ko: "즉석밥", en: "instant rice", flavours: [("흰쌀", "white"), ("현미", "brown"), ("잡곡", "mixed grain"), ("흑미", "black"), ("귀리", "oat")], mass_g: 226.0, spread: 0.8, size_mm: [138, 138, 45], price: 1_900, case_pack: 18, tax: Standard },
    Kind { ko: "참치캔", en: "canned tuna", flavours: [("살코기", "light"), ("고추", "chilli"), ("야채", "vegetable"), ("김치찌개용", "stew"), ("마요", "mayo")], mass_g: 164.0, spread: 1.0, size_mm: [84, 84, 38], price: 2_700, case_pack: 24, tax: Standard },
    Kind { ko: "즉석 소스", en: "ready meal", flavours: [("카레", "curry"), ("짜장", "black bean sauce"), ("미트볼", "meatballs"), ("하이라이스", "hashed beef"), ("마파두부", "mapo tofu")], mass_g: 208.0, spread: 1.0, size_mm: [130, 22, 165], price: 2_400, case_pack: 24, tax: Standard },
    Kind { ko: "휴대용 티슈", en: "pocket tissues", flavours: [("무향", "unscented"), ("라벤더", "lavender"), ("알로에", "aloe"), ("벚꽃", "cherry blossom"), ("베이비", "baby")], mass_g: 22.0, spread: 2.5, size_mm: [75, 110, 25], price: 700, case_pack: 60, tax: Standard },
    Kind { ko: "물티슈", en: "wet wipes", flavours: [("무향", "unscented"), ("베이비", "baby"), ("녹차", "green tea"), ("항균", "antibacterial"), ("알로에", "aloe")], mass_g: 98.0, spread: 2.0, size_mm: [120, 70, 35], price: 1_200, case_pack: 40, tax: Standard },
    Kind { ko: "건전지 4입", en: "batteries, 4", flavours: [("AA", "AA"), ("AAA", "AAA"), ("AA 고출력", "AA high power"), ("AAA 고출력", "AAA high power"), ("AA 충전", "AA rechargeable")], mass_g: 96.0, spread: 0.8, size_mm: [85, 20, 120], price: 4_800, case_pack: 20, tax: Standard },
];
