"""Comments that cleaning has to find: toxic, foreign, spam, bots, too short, links only; talk.py plants them.

The insults are mild on purpose (no slurs, no groups). All sites are under the reserved names of RFC 2606.
"""

from __future__ import annotations

TOXIC_HEADS = (
    "You are a complete idiot",
    "Shut up, you stupid moron",
    "What a pathetic loser you are",
    "Nobody asked you, you dumb piece of trash",
    "You disgusting idiot, go away",
    "I hate you and your stupid face",
    "Only a brainless moron would post this crap",
    "This is the dumbest garbage, and so are you",
    "You suck, you ugly clown",
    "Go to hell, you worthless idiot",
    "Damn, how can anyone be this fucking stupid",
    "Screw you and your shitty pictures",
)
TOXIC_TAILS = (
    ".",
    ", seriously.",
    " and everyone here hates you.",
    ", delete your account, loser.",
    ". Get lost, moron!",
    ", you make me sick.",
    " and you should be ashamed, idiot.",
    "!!!",
)

FOREIGN: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "es": (
        ("Me encanta esta foto", "No puedo creer lo bonito que es", "Qué colores tan increíbles", "Esto es una obra"),
        (
            " de verdad, muchas gracias por compartirla.",
            ", saludos desde mi ciudad a todos ustedes.",
            " para mis hijos.",
        ),
    ),
    "fr": (
        (
            "J'adore vraiment cette image",
            "C'est la plus belle chose",
            "Quelle couleur magnifique",
            "Je ne comprends pas",
        ),
        (
            " que j'ai vue cette semaine, merci beaucoup.",
            ", bonjour de la campagne.",
            " mais je regarde encore une fois.",
        ),
    ),
    "de": (
        ("Das ist wirklich wunderschön geworden", "Ich habe so etwas noch nie gesehen", "Die Farbe gefällt mir sehr"),
        (
            ", vielen Dank fürs Teilen.",
            " und ich schaue es mir gleich noch einmal an.",
            ", liebe Grüße aus dem Norden.",
        ),
    ),
    "pt": (
        ("Que coisa mais linda", "Eu não consigo parar de olhar para isso", "As cores ficaram muito bonitas"),
        (", parabéns pelo trabalho maravilhoso.", " e já mandei para a minha mãe.", ", um abraço para todos vocês."),
    ),
    "it": (
        ("Questa foto è davvero bellissima", "Non ho mai visto una cosa così", "Che colori meravigliosi"),
        (
            ", grazie mille per averla condivisa.",
            " e la guardo ancora una volta.",
            ", un saluto a tutti dalla montagna.",
        ),
    ),
    "ru": (
        ("Очень красивая картинка", "Я никогда такого не видел", "Какой замечательный цвет"),
        (", большое спасибо автору.", " и смотрю уже третий раз.", ", привет всем из деревни."),
    ),
    "ja": (
        ("とてもきれいな写真ですね", "こんな色は見たことがありません", "何度も見てしまいます"),
        ("。ありがとうございます。", "。また見に来ます。", "。本当に素晴らしいです。"),
    ),
}

SPAM_HEADS = (
    "Check out my channel for free gift cards",
    "I earn $4500 every week working from home, ask me how",
    "FREE FOLLOWERS!!! Click here now",
    "Subscribe to my channel and I will subscribe back",
    "Best crypto signals, 300% profit guaranteed, message me on telegram",
    "Cheap watches and sunglasses, 80% off only today",
    "Get free robux and skins here",
    "Hot singles near you are waiting",
)
SPAM_TAILS = (
    " https://free-gifts.example/win",
    " http://deal{number}.example/promo",
    " www.fast-cash.example",
    " >>> https://bit.example/{number} <<<",
    " and visit cheap{number}.example today!!!",
)

BOT_NAMES = ("AutoModerator", "haiku_bot", "PicFactsBot", "link-fixer-bot", "ColourNamerBot", "quietlakebot")
BOT_TEXTS = (
    "I am a bot, and this action was performed automatically. Please contact the moderators of this subreddit if you"
    " have any questions or concerns.",
    "Thank you for your submission! Please remember the rules in the sidebar. *I am a bot, bleep bloop.*",
    "Here is a fixed link to the picture that was posted above. ^(I am a bot | feedback | opt out)",
    "The main colour of this picture is #{number}. Beep boop, I am a bot and I name colours.",
)
SHORT = (
    "lol", "so cute", "nice", "wow", "same", "this", "love it", "haha", "first", "no way", "ok", "omg yes", "cool",
    "why", "true", "me too", "thanks", "lmao", "\U0001f602\U0001f602", "\u2764\ufe0f",
)  # fmt: skip
LINKS = (
    "https://pictures.example/view/{number}",
    "http://www.example.com/watch?v={number}",
    "https://example.org/album/{number} https://example.org/album/{number}b",
)
