"""What the synthetic people say about pictures: the vocabulary of colours, things and moods; phrases.py fills it in."""

from __future__ import annotations

MOODS = ("cold", "mild", "warm")

COLOUR_WORDS: dict[str, tuple[str, ...]] = {
    "red": ("red", "scarlet", "crimson", "cherry red"),
    "orange": ("orange", "tangerine", "pumpkin orange", "amber"),
    "yellow": ("yellow", "golden", "lemon yellow", "mustard"),
    "green": ("green", "emerald", "mossy green", "lime"),
    "teal": ("teal", "turquoise", "minty", "sea green"),
    "blue": ("blue", "navy", "cobalt", "deep blue"),
    "purple": ("purple", "violet", "lavender", "plum"),
    "pink": ("pink", "rose", "bubblegum pink", "magenta"),
}
COLOUR_FEELINGS: dict[str, tuple[str, ...]] = {
    "red": ("fire engine", "valentine", "ripe tomato", "hot summer"),
    "orange": ("autumn", "campfire", "sunset", "carrot cake"),
    "yellow": ("sunshine", "honey", "early morning", "lemonade"),
    "green": ("forest", "spring meadow", "garden", "frog pond"),
    "teal": ("lagoon", "peppermint", "vacation", "swimming pool"),
    "blue": ("ocean", "winter evening", "denim", "clear sky"),
    "purple": ("grape soda", "wizard", "twilight", "royal"),
    "pink": ("cotton candy", "birthday", "flamingo", "strawberry milk"),
}
THINGS: dict[str, tuple[str, ...]] = {
    "circle": ("balloon", "bubble", "ball", "moon"),
    "square": ("window", "gift box", "tile", "cushion"),
    "triangle": ("tent", "sail", "roof", "pizza slice"),
    "star": ("star", "starfish", "lantern", "badge"),
    "cross": ("windmill", "propeller", "plus sign", "signpost"),
    "ring": ("donut", "hoop", "bagel", "life ring"),
}
ADJECTIVES: dict[str, tuple[str, ...]] = {
    "cold": ("dull", "gloomy", "flat", "forgettable"),
    "mild": ("decent", "tidy", "simple", "ordinary"),
    "warm": ("gorgeous", "stunning", "brilliant", "adorable"),
}

REMARKS: dict[str, tuple[str, ...]] = {
    "cold": (
        "Honestly the {colour} {thing} does nothing for me",
        "Too much {colour} in this picture for my taste",
        "I scrolled past this {thing} twice before I noticed it",
        "Why does the {thing} look so {adjective} in this light",
        "Sorry but that {colour} shade is really {adjective}",
        "Not the best {thing} I have seen this week",
        "I wanted to like it, but the {thing} is just {adjective}",
        "Did nobody tell you that {colour} makes everything look {adjective}",
        "This feels like a {adjective} {feeling} ad to me",
        "I expected more than one {adjective} {thing}",
    ),
    "mild": (
        "Nice {thing}, though the {colour} could be a little softer",
        "Is that a {colour} {thing} or am I seeing things",
        "It reminds me of the {colour} {thing} my uncle used to have",
        "A {adjective} {thing}, I could see it in my kitchen",
        "The {colour} part is fine, the rest is pretty {adjective}",
        "How long did it take you to get the {thing} right",
        "Can someone explain why the {thing} is {colour}",
        "This has a bit of a {feeling} mood and I am okay with it",
        "I had a {adjective} {colour} {thing} like that when I was ten",
        "My brother says it is {colour}, I say it is just {adjective}",
    ),
    "warm": (
        "The {colour} {thing} is absolutely {adjective}",
        "I can not stop looking at that {colour} {thing}",
        "Whoever made this {adjective} {thing} deserves an award",
        "That {colour} gives me such {feeling} vibes, I love it",
        "My kids made me play the {thing} part ten times",
        "I need this {colour} {thing} on my wall right now",
        "What a {adjective} {thing}, thank you for sharing it",
        "This is the most {adjective} {colour} I have ever seen",
        "Day made, that {thing} is pure {feeling} energy",
        "I showed my mom this {adjective} {thing} and she wants one too",
    ),
}
PLAIN_REMARKS = (
    "Look at the {colour} {thing} right there in the middle",
    "Only here for the {colour} {thing}",
    "The {thing} reminds me of {feeling} time back home",
    "Anyone else think of {feeling} when they see this {colour}",
    "We all know the {thing} is the real star of this one",
    "Never thought a {colour} {thing} would show up in my feed today",
)
REPLIES = (
    "Totally agree about the {thing}",
    "I came here to say the same thing about the {colour} one",
    "You are right, it does look more {colour} than I thought",
    "No way, the {thing} is the best part of it",
    "I was thinking {feeling} too, glad it is not just me",
    "Thanks, I had to zoom in to see the {thing}",
)
TAILS = (
    ". Saving this one for later.",
    ". Where was this taken?",
    ". Greetings from the other side of the world!",
    ", and I am not even joking.",
    ". Please post more like this.",
    ". Which camera did you use?",
    ", just saying.",
    ". It took me a second to get it.",
    ". My cat seems to like it as well.",
    " :)",
    ". Thanks for posting!",
    ". I have been waiting for a post like this all day.",
    "! Take my upvote.",
    "... or maybe it is only my screen.",
    ". Sent it to the whole family already.",
    ", at least on my phone.",
    ". I would frame it and hang it over the sofa.",
    "!!",
    ". Reminds me that I should go outside more often.",
    ". Could you make a tutorial?",
)

OPENERS = (
    "Found this on my walk near",
    "My first serious attempt, taken at",
    "Be honest, what do you think of this one from",
    "Something I made over the weekend in",
    "A quiet morning at",
    "Three hours of work, finally done in",
    "My sister sent me this from",
    "Tried a new technique today at",
    "Does anybody know what this is? Seen in",
    "A small project for the fair in",
    "I finally got the shot I wanted at",
    "Just sharing a nice moment from",
    "Old picture that I found again, from",
    "Testing my new camera around",
    "Look what turned up behind the shed in",
    "This made my whole day in",
)
PLACES = (
    "Lake Orrin", "Brandle Hill", "Port Tessel", "the old mill in Dunmarrow", "Vessing Bay", "Corley Park",
    "Upper Hask", "the Fenwold market", "Silverpine", "Mott Harbor", "the Arlen valley", "Tolliver Street",
    "Greyford", "the Nimmo bridge", "East Quillan", "Sandrow beach", "Kestle Moor", "the Pellam gardens",
    "Birchgate", "Low Tarn", "Wexcombe", "the Ondry railway", "Halver Point", "Saint Ebbin",
    "the Marlow orchard", "Tarnwick", "Pine Hollow", "the Rusk lighthouse", "Calder Cross", "Old Fenning",
)  # fmt: skip
SELF_SENTENCES = (
    "I have been thinking about moving to {place} for {number} months now.",
    "Yesterday my neighbour asked me about the {thing} in my yard.",
    "We drove past {place} and had to stop for {number} minutes.",
    "Nobody in my office believes that I collect {colour} {thing} pictures.",
    "The last time I painted something {colour} it took me {number} evenings.",
    "My grandmother kept a {colour} {thing} on the shelf next to the radio.",
    "I counted {number} of them before it got dark over {place}.",
    "If you had {number} dollars, would you spend it on a {thing}?",
    "There is a small shop in {place} that sells nothing but {colour} paint.",
    "For {number} years I was sure that everybody has a favourite {thing}.",
    "Please tell me your own story about {place}, I read all the answers.",
    "It rained for {number} hours and the {colour} flag is still up.",
)
HINTS = ("the {thing}", "so much {colour}", "a {colour} {thing}", "{feeling} mood")
NAME_FIRST = (
    "Quiet", "Amber", "Lucky", "Mossy", "Rapid", "Silver", "Tiny", "Velvet", "Wandering", "Copper", "Foggy", "Gentle",
    "Hidden", "Jolly", "Lunar", "Nimble", "Odd", "Patient", "Rusty", "Sleepy", "Sunny", "Tidal", "Vivid", "Zesty",
    "Brave", "Crisp", "Dusty", "Eager", "Fuzzy", "Glossy", "Hasty", "Icy",
)  # fmt: skip
NAME_SECOND = (
    "Heron", "Teacup", "Badger", "Lantern", "Pebble", "Walrus", "Fiddle", "Comet", "Turnip", "Otter", "Pickle", "Raven",
    "Saddle", "Thistle", "Umbrella", "Violin", "Walnut", "Yarrow", "Zeppelin", "Acorn", "Biscuit", "Candle", "Dolphin",
    "Ember", "Falcon", "Garnet", "Hammock", "Island", "Juniper", "Kettle", "Lobster", "Mitten",
)  # fmt: skip
